//! The description of a hotel as its staff submits it: as an import line, or as a request of the REST API.

use poem_openapi::Object;
use serde::Serialize;

/// A tax or fee on the room price.
#[derive(Debug, Clone, Object, Serialize)]
pub(crate) struct TaxRule {
    /// The name on invoices.
    #[oai(validator(min_length = 1, max_length = 60))]
    pub name: String,
    /// Percent, with at most two decimals.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub percent: f64,
    /// Whether prices include it.
    #[oai(default)]
    pub included: bool,
}

/// The cancellation terms of a rate plan.
#[derive(Debug, Clone, Object, Serialize)]
pub(crate) struct CancellationRule {
    /// Cancellation is free until this many hours before 15:00 on the check-in date; null: never free.
    #[oai(validator(maximum(value = "8760")))]
    pub free_until_hours: Option<u32>,
    /// The cancellation fee after that, in percent of the total.
    #[oai(validator(maximum(value = "100")))]
    pub penalty_percent: u8,
}

/// Seasonal price factors, in thousandths of the rate plan's amount.
#[derive(Debug, Clone, Object, Serialize)]
pub(crate) struct SeasonFactors {
    /// Twelve, January first.
    #[oai(validator(min_items = 12, max_items = 12))]
    pub months: Vec<u16>,
    /// Seven, Monday first.
    #[oai(validator(min_items = 7, max_items = 7))]
    pub weekdays: Vec<u16>,
}

/// A rate plan to create, or to update by its reference, else by its name.
#[derive(Debug, Clone, Object)]
pub(crate) struct NewRatePlan {
    /// Your own reference, unique within the room type. With it, the rate plan can be renamed.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub reference: Option<String>,
    /// The name that guests see; unique within the room type.
    #[oai(validator(min_length = 1, max_length = 80))]
    pub name: String,
    /// The price of a room for a night, in minor units.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    pub amount: i64,
    /// The cancellation terms.
    pub cancellation: CancellationRule,
    /// Whether it is on sale.
    #[oai(default = "yes")]
    pub active: bool,
}

/// A room type to create, or for an import, to update by its reference, else by its name.
#[derive(Debug, Clone, Object)]
pub(crate) struct NewRoomType {
    /// Your own reference, unique within the property. With it, imports can rename the room type.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub reference: Option<String>,
    /// The name that guests see; unique within the property.
    #[oai(validator(min_length = 1, max_length = 80))]
    pub name: String,
    /// The most guests in one room.
    #[oai(validator(minimum(value = "1"), maximum(value = "20")))]
    pub sleeps: u8,
    /// The number of rooms.
    #[oai(validator(maximum(value = "100000")))]
    pub rooms: u32,
    /// The rate plans.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub rate_plans: Vec<NewRatePlan>,
    /// Seasonal price factors; absent: none.
    pub season: Option<SeasonFactors>,
    /// Whether it is on sale.
    #[oai(default = "yes")]
    pub active: bool,
}

/// A property to create: the fields of an import line.
#[derive(Debug, Clone, Object)]
#[oai(rename = "NewProperty")]
pub(crate) struct NewHotel {
    /// Your own reference of the property. It cannot be changed.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub reference: String,
    /// The name that guests see.
    #[oai(validator(min_length = 1, max_length = 120))]
    pub name: String,
    /// The name of the city.
    #[oai(validator(min_length = 1, max_length = 120))]
    pub city: String,
    /// ISO 3166-1 alpha-2.
    #[oai(validator(pattern = "^[A-Z]{2}$", max_length = 2))]
    pub country: String,
    /// Street and number.
    #[oai(default, validator(max_length = 200))]
    pub address: String,
    /// Degrees north.
    #[oai(validator(minimum(value = "-90"), maximum(value = "90")))]
    pub latitude: f64,
    /// Degrees east.
    #[oai(validator(minimum(value = "-180"), maximum(value = "180")))]
    pub longitude: f64,
    /// IANA name.
    #[oai(validator(max_length = 64))]
    pub time_zone: String,
    /// 0 (none) to 5.
    #[oai(default, validator(maximum(value = "5")))]
    pub stars: u8,
    /// The rating by guests, 0 to 10. Import lines only.
    #[oai(skip)]
    pub rating: f64,
    /// Plain text.
    #[oai(default, validator(max_length = 4000))]
    pub description: String,
    /// Short names, such as `wifi`.
    #[oai(default, validator(max_items = 60))]
    pub amenities: Vec<String>,
    /// ISO 4217.
    #[oai(validator(pattern = "^[A-Z]{3}$", max_length = 3))]
    pub currency: String,
    /// Mandatory taxes and fees.
    #[oai(default, validator(max_items = 10))]
    pub taxes: Vec<TaxRule>,
    /// The mail address of the hotel.
    #[oai(validator(max_length = 254))]
    pub email: Option<String>,
    /// HTTPS URLs of photos.
    #[oai(default, validator(max_items = 20))]
    pub photos: Vec<String>,
    /// The room types.
    #[oai(validator(min_items = 1, max_items = 50))]
    pub room_types: Vec<NewRoomType>,
    /// Whether it can be booked.
    #[oai(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

impl From<&contracts::TaxRule> for TaxRule {
    fn from(rule: &contracts::TaxRule) -> Self {
        Self {
            name: rule.name.clone(),
            percent: f64::from(rule.basis_points) / 100.0,
            included: rule.included,
        }
    }
}

impl From<contracts::Cancellation> for CancellationRule {
    fn from(terms: contracts::Cancellation) -> Self {
        Self { free_until_hours: terms.free_until_hours, penalty_percent: terms.penalty_percent }
    }
}

impl From<&contracts::Season> for SeasonFactors {
    fn from(season: &contracts::Season) -> Self {
        Self { months: season.months.to_vec(), weekdays: season.weekdays.to_vec() }
    }
}

/// The description of a stored hotel, to be changed and validated like a new one.
impl From<&contracts::HotelProfile> for NewHotel {
    fn from(hotel: &contracts::HotelProfile) -> Self {
        Self {
            reference: hotel.reference.clone(),
            name: hotel.name.clone(),
            city: hotel.city.clone(),
            country: hotel.country.clone(),
            address: hotel.address.clone(),
            latitude: hotel.latitude,
            longitude: hotel.longitude,
            time_zone: hotel.time_zone.clone(),
            stars: hotel.stars,
            rating: f64::from(hotel.rating_tenths) / 10.0,
            description: hotel.description.clone(),
            amenities: hotel.amenities.clone(),
            currency: hotel.currency.to_string(),
            taxes: hotel.taxes.iter().map(TaxRule::from).collect(),
            email: hotel.email.clone(),
            photos: hotel.photos.clone(),
            room_types: hotel.room_types.iter().map(NewRoomType::from).collect(),
            active: hotel.active,
        }
    }
}

impl From<&contracts::RoomTypeProfile> for NewRoomType {
    fn from(room_type: &contracts::RoomTypeProfile) -> Self {
        Self {
            reference: room_type.reference.clone(),
            name: room_type.name.clone(),
            sleeps: room_type.sleeps,
            rooms: room_type.rooms,
            rate_plans: room_type.rate_plans.iter().map(NewRatePlan::from).collect(),
            season: Some((&room_type.season).into()),
            active: room_type.active,
        }
    }
}

impl From<&contracts::RatePlanProfile> for NewRatePlan {
    fn from(plan: &contracts::RatePlanProfile) -> Self {
        Self {
            reference: plan.reference.clone(),
            name: plan.name.clone(),
            amount: plan.amount,
            cancellation: plan.cancellation.into(),
            active: plan.active,
        }
    }
}
