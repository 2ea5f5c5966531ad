//! Properties and their room types, for staff.

use contracts::reservations::{Answer, Command, ManagedHotel, Precondition, Query, Reply};
use contracts::{HotelId, HotelProfile, RatePlanId, RoomTypeId, RoomTypeProfile};
use edge::{
    ApiError, Created, Cursor, IdempotencyKey, IfMatch, Json, Limit, Page, SerdeJson, SignedIn, WithETag,
};
use group::Call;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query as Parameter};

use super::import::{Imported, import};
use super::lines::Lines;
use super::property::{
    NewProperty, NewRoomType, PropertyChange, PropertyResponse, RoomTypeChange, invalid, line_of,
    room_line_of,
};
use super::{Contract, Shared, Tag, bookings, problem, unexpected};
use crate::import::{Line, RatePlan, RoomType, SeasonLine, Tax, hotel_of_line};

pub(super) struct Api(pub Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Properties")]
impl Api {
    /// Make a property
    #[oai(path = "/properties", method = "post", operation_id = "createProperty")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewProperty>,
    ) -> Result<Created<PropertyResponse>, ApiError> {
        let hotel = hotel_of_line(&Line::from(new.0)).map_err(invalid)?;
        let call = caller.call_with(key.0.as_ref(), "createProperty", &hotel.id.to_string());
        let made = self.put(&call, hotel, Precondition::Absent).await?;
        Ok(Created::new(format!("/v1/properties/{}", made.hotel.id), made.version.into(), made.into()))
    }

    /// Properties that you manage
    #[oai(path = "/properties", method = "get", operation_id = "listProperties")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        limit: Parameter<Limit>,
        cursor: Parameter<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<PropertyResponse>>, ApiError> {
        let list = "listProperties";
        let after = self.0.cursors.decode::<HotelId>(&list, cursor.0)?;
        let query = Query::ManagedHotels { after, limit: u32::try_from(limit.0.get()).unwrap_or(100) + 1 };
        let answers = self.0.client.query_every::<Contract>(&caller.call(), query).await;
        let mut found = Vec::new();
        for answer in answers.map_err(|failure| edge::api_error(failure, problem))? {
            match answer {
                Answer::ManagedHotels(properties) => found.extend(properties),
                other => return Err(unexpected(&other)),
            }
        }
        found.sort_by_key(|property| property.hotel.id);
        // A token that is bound to hotels finds the same ones in no two shards.
        let page = self.0.cursors.page(found, limit.0, &list, |last| last.hotel.id);
        Ok(SerdeJson(page.map(PropertyResponse::from)))
    }

    /// Import properties
    ///
    /// Lines of JSON, at most 200 or 1 MiB a request: each makes a property or brings it up to date, by its `reference`.
    /// Answers line by line; a line that fails leaves the others alone, and can be sent again.
    #[oai(path = "/properties/import", method = "post", operation_id = "importProperties")]
    async fn import(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        lines: Lines,
    ) -> Result<SerdeJson<Imported>, ApiError> {
        let call = caller.call();
        // Lines are refused one by one; whoever may import none is told so at once, also about an empty file.
        let may = self
            .0
            .client
            .query_every::<Contract>(&call, Query::ManagedHotels { after: None, limit: 1 })
            .await;
        may.map_err(|failure| edge::api_error(failure, problem))?;
        import(&self.0, &call, &lines.0).await.map(SerdeJson)
    }

    /// One property
    #[oai(path = "/properties/:property_id", method = "get", operation_id = "getProperty")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::HOTEL_MANAGE")] caller: SignedIn,
        /// The property
        property_id: Path<String>,
    ) -> Result<WithETag<PropertyResponse>, ApiError> {
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
        change: Json<PropertyChange>,
    ) -> Result<WithETag<PropertyResponse>, ApiError> {
        let expected = bookings::version(if_match.0.as_ref())?;
        let call = caller.call();
        let found = self.read(&call, &property_id).await?;
        let hotel = changed(&found.hotel, change.0)?;
        let made = self.put(&call, hotel, Precondition::Version(expected.unwrap_or(found.version))).await?;
        Ok(WithETag::new(made.version.into(), made.into()))
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
    ) -> Result<Created<PropertyResponse>, ApiError> {
        let expected = bookings::version(if_match.0.as_ref())?;
        let found = self.read(&caller.call(), &property_id).await?;
        let mut hotel = found.hotel;
        let added = checked(&hotel, RoomType::from(new.0))?;
        if hotel.room_types.iter().any(|room_type| room_type.id == added.id || room_type.name == added.name) {
            return Err(ApiError::unprocessable("/name", "the property has a room type of this name"));
        }
        let location = format!("/v1/properties/{}/room-types/{}", hotel.id, added.id);
        hotel.room_types.push(added);
        let call = caller.call_with(key.0.as_ref(), "createRoomType", &property_id);
        let made = self.put(&call, hotel, Precondition::Version(expected.unwrap_or(found.version))).await?;
        Ok(Created::new(location, made.version.into(), made.into()))
    }

    /// Change a room type
    ///
    /// Fewer rooms than are held or sold on some night are refused, naming the night.
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
        change: Json<RoomTypeChange>,
    ) -> Result<WithETag<PropertyResponse>, ApiError> {
        let expected = bookings::version(if_match.0.as_ref())?;
        let id = rest::id_in_path::<RoomTypeId>(&room_type_id)?;
        let call = caller.call();
        let found = self.read(&call, &property_id).await?;
        let mut hotel = found.hotel;
        let missing = || ApiError::not_found("There is no such room type.");
        let at = hotel.room_types.iter().position(|room_type| room_type.id == id).ok_or_else(missing)?;
        let before = hotel.room_types[at].clone();
        let after = checked(&hotel, room_line(&before, change.0))?;
        hotel.room_types[at] = keep_ids(before, after);
        let made = self.put(&call, hotel, Precondition::Version(expected.unwrap_or(found.version))).await?;
        Ok(WithETag::new(made.version.into(), made.into()))
    }
}

impl Api {
    async fn read(&self, call: &Call, id: &str) -> Result<ManagedHotel, ApiError> {
        match self.0.query(call, Query::ManagedHotel(rest::id_in_path(id)?)).await? {
            Answer::ManagedHotel(found) => Ok(*found),
            other => Err(unexpected(&other)),
        }
    }

    async fn put(
        &self,
        call: &Call,
        hotel: HotelProfile,
        expect: Precondition,
    ) -> Result<ManagedHotel, ApiError> {
        match self.0.command(call, Command::PutHotel { hotel: Box::new(hotel), expect }).await? {
            Reply::ManagedHotel(made) => Ok(*made),
            other @ (Reply::Done | Reply::Imported { .. } | Reply::Reservation(_)) => Err(unexpected(&other)),
        }
    }
}

/// A hotel with some fields changed, checked like a new one; its room types stay as they are.
fn changed(hotel: &HotelProfile, change: PropertyChange) -> Result<HotelProfile, ApiError> {
    let mut line = line_of(hotel);
    line.name = change.name.unwrap_or(line.name);
    line.address = change.address.unwrap_or(line.address);
    line.stars = change.stars.unwrap_or(line.stars);
    line.description = change.description.unwrap_or(line.description);
    line.amenities = change.amenities.unwrap_or(line.amenities);
    line.taxes = change.taxes.map_or(line.taxes, |taxes| taxes.into_iter().map(Tax::from).collect());
    line.email = change.email.or(line.email);
    line.photos = change.photos.unwrap_or(line.photos);
    line.active = change.active.unwrap_or(line.active);
    let checked = hotel_of_line(&line).map_err(invalid)?;
    Ok(HotelProfile { room_types: hotel.room_types.clone(), demo: hotel.demo, ..checked })
}

/// A room type of a hotel, checked like one of a new line; pointers are into the room type.
fn checked(hotel: &HotelProfile, room_type: RoomType) -> Result<RoomTypeProfile, ApiError> {
    let line = Line { room_types: vec![room_type], ..line_of(hotel) };
    let mut checked = hotel_of_line(&line).map_err(|mut faults| {
        for fault in &mut faults {
            fault.pointer = fault.pointer.replacen("/room_types/0", "", 1);
        }
        invalid(faults)
    })?;
    Ok(checked.room_types.remove(0))
}

fn room_line(before: &RoomTypeProfile, change: RoomTypeChange) -> RoomType {
    let line = room_line_of(before);
    RoomType {
        name: change.name.unwrap_or(line.name),
        sleeps: change.sleeps.unwrap_or(line.sleeps),
        rooms: change.rooms.unwrap_or(line.rooms),
        rate_plans: change
            .rate_plans
            .map_or(line.rate_plans, |plans| plans.into_iter().map(RatePlan::from).collect()),
        season: change.season.map(SeasonLine::from).or(line.season),
        active: change.active.unwrap_or(line.active),
    }
}

/// Ids are those of the names at creation: a room type keeps its own, and a plan that of its namesake.
fn keep_ids(before: RoomTypeProfile, after: RoomTypeProfile) -> RoomTypeProfile {
    let namesake = |name: &str| before.rate_plans.iter().find(|plan| plan.name == name).map(|plan| plan.id);
    let mut rate_plans = after.rate_plans;
    for plan in &mut rate_plans {
        plan.id = namesake(&plan.name).unwrap_or_else(|| RatePlanId::of_name(before.id, &plan.name));
    }
    RoomTypeProfile { id: before.id, rate_plans, ..after }
}
