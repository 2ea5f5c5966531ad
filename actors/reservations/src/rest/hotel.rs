//! Hotels in responses and changes. The API calls them properties.

use contracts::reservations::ManagedHotel;
use contracts::{HotelProfile, RatePlanProfile, RoomTypeProfile};
use edge::ApiError;
use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::Serialize;

use crate::identity;
use crate::import::{
    CancellationRule, Fault, NewHotel, NewRatePlan, NewRoomType, SeasonFactors, TaxRule, validate_details,
    validate_room_type, validate_room_type_details,
};

/// Changes to a room type. Absent fields are unchanged.
#[derive(Debug, Clone, Object)]
pub(super) struct RoomTypeChange {
    /// Your own reference, unique within the property. Imports find the room type by it. Null removes it.
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    pub reference: MaybeUndefined<String>,
    /// The name that guests see.
    #[oai(validator(min_length = 1, max_length = 80))]
    pub name: Option<String>,
    /// The most guests in one room.
    #[oai(validator(minimum(value = "1"), maximum(value = "20")))]
    pub sleeps: Option<u8>,
    /// The number of rooms.
    #[oai(validator(maximum(value = "100000")))]
    pub rooms: Option<u32>,
    /// All rate plans on sale, by reference, else by name; those that are missing go off sale.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub rate_plans: Option<Vec<NewRatePlan>>,
    /// Seasonal price factors; null removes them.
    #[oai(nullable)]
    pub season: MaybeUndefined<SeasonFactors>,
    /// Whether it is on sale.
    pub active: Option<bool>,
}

/// Changes to a property. Absent fields are unchanged.
#[derive(Debug, Clone, Object)]
#[oai(rename = "PropertyChange")]
pub(super) struct HotelChange {
    /// The name that guests see.
    #[oai(validator(min_length = 1, max_length = 120))]
    pub name: Option<String>,
    /// Street and number.
    #[oai(validator(max_length = 200))]
    pub address: Option<String>,
    /// 0 (none) to 5.
    #[oai(validator(maximum(value = "5")))]
    pub stars: Option<u8>,
    /// Plain text.
    #[oai(validator(max_length = 4000))]
    pub description: Option<String>,
    /// Short names, such as `wifi`.
    #[oai(validator(max_items = 60))]
    pub amenities: Option<Vec<String>>,
    /// Mandatory taxes and fees.
    #[oai(validator(max_items = 10))]
    pub taxes: Option<Vec<TaxRule>>,
    /// The mail address of the hotel; null removes it.
    #[oai(nullable, validator(max_length = 254))]
    pub email: MaybeUndefined<String>,
    /// HTTPS URLs of photos.
    #[oai(validator(max_items = 20))]
    pub photos: Option<Vec<String>>,
    /// Whether it can be booked.
    pub active: Option<bool>,
}

/// A rate plan.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "PropertyRatePlan")]
pub(super) struct RatePlanResponse {
    /// Its id.
    pub id: String,
    /// Your own reference.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The name that guests see.
    pub name: String,
    /// The price of a room for a night, in minor units.
    pub amount: i64,
    /// The cancellation terms.
    pub cancellation: CancellationRule,
    /// Whether it is on sale.
    pub active: bool,
}

/// A room type.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "PropertyRoomType")]
pub(super) struct RoomTypeResponse {
    /// Its id.
    pub id: String,
    /// Your own reference.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The name that guests see.
    pub name: String,
    /// The most guests in one room.
    pub sleeps: u32,
    /// The number of rooms.
    pub rooms: u32,
    /// The rate plans.
    pub rate_plans: Vec<RatePlanResponse>,
    /// Seasonal price factors.
    pub season: SeasonFactors,
    /// Whether it is on sale.
    pub active: bool,
}

/// A property.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "Property")]
pub(super) struct HotelResponse {
    /// Its id.
    pub id: String,
    /// Your own reference.
    pub reference: String,
    /// The name that guests see.
    pub name: String,
    /// The address.
    pub address: rest::Address,
    /// IANA name.
    pub time_zone: String,
    /// 0 (none) to 5.
    pub stars: u32,
    /// The rating by guests, 0 to 10.
    pub rating: f64,
    /// Plain text.
    pub description: String,
    /// Short names, such as `wifi`.
    pub amenities: Vec<String>,
    /// ISO 4217.
    pub currency: String,
    /// Mandatory taxes and fees.
    pub taxes: Vec<TaxRule>,
    /// The mail address of the hotel.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// HTTPS URLs of photos.
    pub photos: Vec<String>,
    /// The room types.
    pub room_types: Vec<RoomTypeResponse>,
    /// Whether it can be booked.
    pub active: bool,
    /// When it was last changed.
    pub updated_at: edge::Instant,
}

impl From<ManagedHotel> for HotelResponse {
    fn from(managed: ManagedHotel) -> Self {
        let hotel = managed.hotel;
        Self {
            address: rest::Address::from(&hotel),
            id: hotel.id.to_string(),
            reference: hotel.reference,
            name: hotel.name,
            time_zone: hotel.time_zone,
            stars: hotel.stars.into(),
            rating: f64::from(hotel.rating_tenths) / 10.0,
            description: hotel.description,
            amenities: hotel.amenities,
            currency: hotel.currency.to_string(),
            taxes: hotel.taxes.iter().map(TaxRule::from).collect(),
            email: hotel.email,
            photos: hotel.photos,
            room_types: hotel.room_types.into_iter().map(RoomTypeResponse::from).collect(),
            active: hotel.active,
            updated_at: managed.updated_at.into(),
        }
    }
}

impl From<RoomTypeProfile> for RoomTypeResponse {
    fn from(room_type: RoomTypeProfile) -> Self {
        Self {
            id: room_type.id.to_string(),
            reference: room_type.reference,
            name: room_type.name,
            sleeps: room_type.sleeps.into(),
            rooms: room_type.rooms,
            rate_plans: room_type.rate_plans.into_iter().map(RatePlanResponse::from).collect(),
            season: (&room_type.season).into(),
            active: room_type.active,
        }
    }
}

impl From<RatePlanProfile> for RatePlanResponse {
    fn from(plan: RatePlanProfile) -> Self {
        Self {
            id: plan.id.to_string(),
            reference: plan.reference,
            name: plan.name,
            amount: plan.amount,
            cancellation: plan.cancellation.into(),
            active: plan.active,
        }
    }
}

/// The new value of a member that may be absent: unchanged, cleared or replaced.
fn changed<T>(change: MaybeUndefined<T>, old: Option<T>) -> Option<T> {
    match change {
        MaybeUndefined::Undefined => old,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(new) => Some(new),
    }
}

/// All faults of a description as one problem.
pub(super) fn invalid(faults: Vec<Fault>) -> ApiError {
    let problem = edge::Problem::new(&edge::problem_types::INVALID);
    let field = |fault: Fault| edge::FieldError { pointer: fault.pointer, detail: fault.why };
    problem.fields(faults.into_iter().map(field)).into()
}

impl HotelChange {
    /// Applies the changes and validates the result like a new hotel. Room types are unchanged, whatever their number.
    pub fn apply(self, hotel: &HotelProfile) -> Result<HotelProfile, ApiError> {
        let old = NewHotel::from(hotel);
        let new = NewHotel {
            name: self.name.unwrap_or(old.name),
            address: self.address.unwrap_or(old.address),
            stars: self.stars.unwrap_or(old.stars),
            description: self.description.unwrap_or(old.description),
            amenities: self.amenities.unwrap_or(old.amenities),
            taxes: self.taxes.unwrap_or(old.taxes),
            email: changed(self.email, old.email),
            photos: self.photos.unwrap_or(old.photos),
            active: self.active.unwrap_or(old.active),
            ..old
        };
        let validated = validate_details(&new).map_err(invalid)?;
        Ok(HotelProfile { room_types: hotel.room_types.clone(), demo: hotel.demo, ..validated })
    }
}

impl RoomTypeChange {
    /// Applies the changes and validates the result like a new room type. The room type keeps its id, and so do rate plans
    /// that keep their reference or their name.
    pub fn apply(
        self,
        hotel: &HotelProfile,
        room_type: &RoomTypeProfile,
    ) -> Result<RoomTypeProfile, ApiError> {
        let old = NewRoomType::from(room_type);
        let replaces_plans = self.rate_plans.is_some();
        let new = NewRoomType {
            reference: changed(self.reference, old.reference),
            name: self.name.unwrap_or(old.name),
            sleeps: self.sleeps.unwrap_or(old.sleeps),
            rooms: self.rooms.unwrap_or(old.rooms),
            rate_plans: self.rate_plans.unwrap_or(old.rate_plans),
            season: changed(self.season, old.season),
            active: self.active.unwrap_or(old.active),
        };
        let mut changed = if replaces_plans {
            let validated = validate_room_type(hotel.id, &new).map_err(invalid)?;
            let mut changed = RoomTypeProfile { id: room_type.id, ..validated };
            identity::adopt_rate_plans(&mut changed, &room_type.rate_plans);
            changed
        } else {
            let validated = validate_room_type_details(hotel.id, &new).map_err(invalid)?;
            RoomTypeProfile { rate_plans: room_type.rate_plans.clone(), ..validated }
        };
        changed.id = room_type.id;
        let others = hotel.room_types.iter().filter(|other| other.id != room_type.id);
        identity::check_unique(&changed, others).map_err(super::problem)?;
        Ok(changed)
    }
}
