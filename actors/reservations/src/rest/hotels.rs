//! Operations on hotels and their room types, for staff. The API calls hotels properties.

use contracts::reservations::{
    AddRoomType, GetManagedHotel, ListManagedHotels, ManagedHotel, Precondition, PutHotel,
};
use contracts::{HotelId, HotelProfile, RoomTypeId};
use edge::{
    ApiError, Created, Cursor, IdempotencyKey, IfMatch, Json, Limit, MergePatch, Page, SerdeJson, SignedIn,
    WithETag,
};
use group::Call;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query as Parameter};

use super::hotel::{HotelChange, HotelResponse, RoomTypeChange, invalid};
use super::import::{ImportResults, import};
use super::lines::Lines;
use super::{Shared, Tag, expected_version};
use crate::import::{NewHotel, NewRoomType, validate, validate_room_type};

pub(super) struct Api(pub Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Properties")]
impl Api {
    /// Create a property
    #[oai(path = "/properties", method = "post", operation_id = "createProperty")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewHotel>,
    ) -> Result<Created<HotelResponse>, ApiError> {
        let hotel = validate(&new.0).map_err(invalid)?;
        let call = caller.call_with(key.0.as_ref(), "createProperty", &hotel.id.to_string());
        let stored = self.put(&call, hotel, Precondition::Absent).await?;
        Ok(Created::new(format!("/v1/properties/{}", stored.hotel.id), stored.version.into(), stored.into()))
    }

    /// List the properties that you manage
    #[oai(path = "/properties", method = "get", operation_id = "listProperties")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        limit: Parameter<Limit>,
        cursor: Parameter<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<HotelResponse>>, ApiError> {
        let operation = "listProperties";
        let after = self.0.cursors.decode::<HotelId>(&operation, cursor.0)?;
        let limit_and_next = u32::try_from(limit.0.get()).unwrap_or(100) + 1;
        let request = ListManagedHotels { after, limit: limit_and_next };
        let pages = self.0.call_every_shard(&caller.call(), request).await?;
        // Each hotel is in one shard, so there are no duplicates.
        let mut found: Vec<_> = pages.into_iter().flatten().collect();
        found.sort_by_key(|managed| managed.hotel.id);
        let page = self.0.cursors.page(found, limit.0, &operation, |last| last.hotel.id);
        Ok(SerdeJson(page.map(HotelResponse::from)))
    }

    /// Import properties
    ///
    /// The body has one JSON object per line, at most 200 lines or 1 MiB. Each line creates or updates the property with its
    /// `reference`. The response has one result per line; a line that fails does not affect the others and can be retried.
    #[oai(path = "/properties/import", method = "post", operation_id = "importProperties")]
    async fn import(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        lines: Lines,
    ) -> Result<SerdeJson<ImportResults>, ApiError> {
        let call = caller.call();
        // Lines are refused one by one. This call refuses callers who may not import at all, even with an empty file.
        self.0.call_every_shard(&call, ListManagedHotels { after: None, limit: 1 }).await?;
        import(&self.0, &call, &lines.0).await.map(SerdeJson)
    }

    /// Get a property
    #[oai(path = "/properties/:property_id", method = "get", operation_id = "getProperty")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
    ) -> Result<WithETag<HotelResponse>, ApiError> {
        let found = self.read(&caller.call(), &property_id).await?;
        Ok(WithETag::new(found.version.into(), found.into()))
    }

    /// Change a property
    #[oai(path = "/properties/:property_id", method = "patch", operation_id = "updateProperty")]
    async fn update(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The property
        property_id: Path<String>,
        change: MergePatch<HotelChange>,
    ) -> Result<WithETag<HotelResponse>, ApiError> {
        let expected = expected_version(if_match.0.as_ref())?;
        let call = caller.call();
        let found = self.read(&call, &property_id).await?;
        let hotel = change.0.apply(&found.hotel)?;
        let stored = self.put(&call, hotel, Precondition::Version(expected.unwrap_or(found.version))).await?;
        Ok(WithETag::new(stored.version.into(), stored.into()))
    }

    /// Add a room type
    #[oai(path = "/properties/:property_id/room-types", method = "post", operation_id = "createRoomType")]
    async fn add_room_type(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The property
        property_id: Path<String>,
        new: Json<NewRoomType>,
    ) -> Result<Created<HotelResponse>, ApiError> {
        let expect = expected_version(if_match.0.as_ref())?;
        let hotel = rest::id_in_path::<HotelId>(&property_id)?;
        let room_type = validate_room_type(hotel, &new.0).map_err(invalid)?;
        let (name, active) = (room_type.name.clone(), room_type.active);
        let call = caller.call_with(key.0.as_ref(), "createRoomType", &property_id);
        let stored = self.0.call(&call, AddRoomType { hotel, room_type, expect }).await?;
        // The state decides on the id. The latest of this name is the first one.
        let added = stored.hotel.room_types.iter().find(|known| known.name == name && known.active == active);
        let location = match added {
            Some(added) => format!("/v1/properties/{hotel}/room-types/{}", added.id),
            None => format!("/v1/properties/{hotel}"),
        };
        Ok(Created::new(location, stored.version.into(), stored.into()))
    }

    /// Change a room type
    ///
    /// A number of rooms below the rooms held or sold on a night is refused; the problem names the night.
    #[oai(
        path = "/properties/:property_id/room-types/:room_type_id",
        method = "patch",
        operation_id = "updateRoomType"
    )]
    async fn update_room_type(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The property
        property_id: Path<String>,
        /// The room type
        room_type_id: Path<String>,
        change: MergePatch<RoomTypeChange>,
    ) -> Result<WithETag<HotelResponse>, ApiError> {
        let expected = expected_version(if_match.0.as_ref())?;
        let id = rest::id_in_path::<RoomTypeId>(&room_type_id)?;
        let call = caller.call();
        let found = self.read(&call, &property_id).await?;
        let mut hotel = found.hotel;
        let missing = || ApiError::not_found("There is no such room type.");
        let at = hotel.room_types.iter().position(|room_type| room_type.id == id).ok_or_else(missing)?;
        hotel.room_types[at] = change.0.apply(&hotel, &hotel.room_types[at])?;
        let stored = self.put(&call, hotel, Precondition::Version(expected.unwrap_or(found.version))).await?;
        Ok(WithETag::new(stored.version.into(), stored.into()))
    }
}

impl Api {
    async fn read(&self, call: &Call, id: &str) -> Result<ManagedHotel, ApiError> {
        self.0.call(call, GetManagedHotel { hotel: rest::id_in_path(id)? }).await
    }

    async fn put(
        &self,
        call: &Call,
        hotel: HotelProfile,
        expect: Precondition,
    ) -> Result<ManagedHotel, ApiError> {
        self.0.call(call, PutHotel { hotel, expect }).await
    }
}
