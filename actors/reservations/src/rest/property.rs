//! Properties as staff writes and reads them, converted by hand.

use contracts::reservations::ManagedHotel;
use contracts::{HotelProfile, RatePlanProfile, RoomTypeProfile, Season};
use edge::ApiError;
use poem_openapi::Object;
use serde::Serialize;

use crate::import::{CancellationLine, Fault, Line, RatePlan, RoomType, SeasonLine, Tax};

/// A tax or fee on the room price.
#[derive(Debug, Clone, Object, Serialize)]
pub struct TaxRule {
    /// As shown.
    #[oai(validator(min_length = 1, max_length = 60))]
    pub name: String,
    /// Percent, with at most two decimals.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub percent: f64,
    /// Whether prices already include it.
    #[oai(default)]
    pub included: bool,
}

/// Conditions of a rate plan.
#[derive(Debug, Clone, Object, Serialize)]
pub struct CancellationRule {
    /// Free until so many hours before 15:00 on the day of check-in; null: never free.
    #[oai(validator(maximum(value = "8760")))]
    pub free_until_hours: Option<u32>,
    /// Percent of the total that is kept afterwards.
    #[oai(validator(maximum(value = "100")))]
    pub penalty_percent: u8,
}

/// How prices move, in thousandths of the rate plan's amount.
#[derive(Debug, Clone, Object, Serialize)]
pub struct SeasonFactors {
    /// Twelve, January first.
    #[oai(validator(min_items = 12, max_items = 12))]
    pub months: Vec<u16>,
    /// Seven, Monday first.
    #[oai(validator(min_items = 7, max_items = 7))]
    pub weekdays: Vec<u16>,
}

/// A rate plan to be made, or to be kept under its name.
#[derive(Debug, Clone, Object)]
pub struct NewRatePlan {
    /// As guests know it; unique within its room type.
    #[oai(validator(min_length = 1, max_length = 80))]
    pub name: String,
    /// Minor units for a room and a night.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    pub amount: i64,
    /// What cancelling costs.
    pub cancellation: CancellationRule,
    /// Whether it is on sale.
    #[oai(default = "yes")]
    pub active: bool,
}

/// A room type to be made.
#[derive(Debug, Clone, Object)]
pub struct NewRoomType {
    /// As guests know it; unique within its property.
    #[oai(validator(min_length = 1, max_length = 80))]
    pub name: String,
    /// Guests that one room takes.
    #[oai(validator(minimum(value = "1"), maximum(value = "20")))]
    pub sleeps: u8,
    /// How many there are.
    #[oai(validator(maximum(value = "100000")))]
    pub rooms: u32,
    /// At what conditions.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub rate_plans: Vec<NewRatePlan>,
    /// How prices move over the year and the week; none: not at all.
    pub season: Option<SeasonFactors>,
    /// Whether it is on sale.
    #[oai(default = "yes")]
    pub active: bool,
}

/// What changes about a room type. What is left out stays.
#[derive(Debug, Clone, Object)]
pub struct RoomTypeChange {
    /// As guests know it.
    #[oai(validator(min_length = 1, max_length = 80))]
    pub name: Option<String>,
    /// Guests that one room takes.
    #[oai(validator(minimum(value = "1"), maximum(value = "20")))]
    pub sleeps: Option<u8>,
    /// How many there are.
    #[oai(validator(maximum(value = "100000")))]
    pub rooms: Option<u32>,
    /// All that are on sale, by name; those that are left out go off sale.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub rate_plans: Option<Vec<NewRatePlan>>,
    /// How prices move over the year and the week.
    pub season: Option<SeasonFactors>,
    /// Whether it is on sale.
    pub active: Option<bool>,
}

/// A property to be made: the fields of an import line.
#[derive(Debug, Clone, Object)]
pub struct NewProperty {
    /// Your own name for it; names it for ever.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub reference: String,
    /// As guests know it.
    #[oai(validator(min_length = 1, max_length = 120))]
    pub name: String,
    /// The city's name.
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
    /// Plain text.
    #[oai(default, validator(max_length = 4000))]
    pub description: String,
    /// Short words.
    #[oai(default, validator(max_items = 60))]
    pub amenities: Vec<String>,
    /// ISO 4217.
    #[oai(validator(pattern = "^[A-Z]{3}$", max_length = 3))]
    pub currency: String,
    /// Mandatory taxes and fees.
    #[oai(default, validator(max_items = 10))]
    pub taxes: Vec<TaxRule>,
    /// Where the hotel wants its mail.
    #[oai(validator(max_length = 254))]
    pub email: Option<String>,
    /// Addresses of photos.
    #[oai(default, validator(max_items = 20))]
    pub photos: Vec<String>,
    /// What can be booked.
    #[oai(validator(min_items = 1, max_items = 50))]
    pub room_types: Vec<NewRoomType>,
    /// Whether it is bookable.
    #[oai(default = "yes")]
    pub active: bool,
}

/// What changes about a property. What is left out stays.
#[derive(Debug, Clone, Object)]
pub struct PropertyChange {
    /// As guests know it.
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
    /// Short words.
    #[oai(validator(max_items = 60))]
    pub amenities: Option<Vec<String>>,
    /// Mandatory taxes and fees.
    #[oai(validator(max_items = 10))]
    pub taxes: Option<Vec<TaxRule>>,
    /// Where the hotel wants its mail.
    #[oai(validator(max_length = 254))]
    pub email: Option<String>,
    /// Addresses of photos.
    #[oai(validator(max_items = 20))]
    pub photos: Option<Vec<String>>,
    /// Whether it is bookable.
    pub active: Option<bool>,
}

/// A rate plan.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "PropertyRatePlan")]
pub struct RatePlanResponse {
    /// Its id.
    pub id: String,
    /// As guests know it.
    pub name: String,
    /// Minor units for a room and a night.
    pub amount: i64,
    /// What cancelling costs.
    pub cancellation: CancellationRule,
    /// Whether it is on sale.
    pub active: bool,
}

/// A room type.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "PropertyRoomType")]
pub struct RoomTypeResponse {
    /// Its id.
    pub id: String,
    /// As guests know it.
    pub name: String,
    /// Guests that one room takes.
    pub sleeps: u32,
    /// How many there are.
    pub rooms: u32,
    /// At what conditions.
    pub rate_plans: Vec<RatePlanResponse>,
    /// How prices move.
    pub season: SeasonFactors,
    /// Whether it is on sale.
    pub active: bool,
}

/// A property.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "Property")]
pub struct PropertyResponse {
    /// Its id.
    pub id: String,
    /// Your own name for it.
    pub reference: String,
    /// As guests know it.
    pub name: String,
    /// Where it is.
    pub address: rest::Address,
    /// IANA name.
    pub time_zone: String,
    /// 0 (none) to 5.
    pub stars: u32,
    /// Guests' rating, 0 to 10.
    pub rating: f64,
    /// Plain text.
    pub description: String,
    /// Short words.
    pub amenities: Vec<String>,
    /// ISO 4217.
    pub currency: String,
    /// Mandatory taxes and fees.
    pub taxes: Vec<TaxRule>,
    /// Where the hotel wants its mail.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Addresses of photos.
    pub photos: Vec<String>,
    /// What can be booked.
    pub room_types: Vec<RoomTypeResponse>,
    /// Whether it is bookable.
    pub active: bool,
    /// When it was changed last.
    pub updated_at: edge::Instant,
}

fn yes() -> bool {
    true
}

impl From<ManagedHotel> for PropertyResponse {
    fn from(property: ManagedHotel) -> Self {
        let hotel = property.hotel;
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
            updated_at: property.updated_at.into(),
        }
    }
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

impl From<RoomTypeProfile> for RoomTypeResponse {
    fn from(room_type: RoomTypeProfile) -> Self {
        Self {
            id: room_type.id.to_string(),
            name: room_type.name,
            sleeps: room_type.sleeps.into(),
            rooms: room_type.rooms,
            rate_plans: room_type.rate_plans.into_iter().map(RatePlanResponse::from).collect(),
            season: SeasonFactors {
                months: room_type.season.months.to_vec(),
                weekdays: room_type.season.weekdays.to_vec(),
            },
            active: room_type.active,
        }
    }
}

impl From<RatePlanProfile> for RatePlanResponse {
    fn from(plan: RatePlanProfile) -> Self {
        let cancellation = CancellationRule {
            free_until_hours: plan.cancellation.free_until_hours,
            penalty_percent: plan.cancellation.penalty_percent,
        };
        Self {
            id: plan.id.to_string(),
            name: plan.name,
            amount: plan.amount,
            cancellation,
            active: plan.active,
        }
    }
}

impl From<NewRatePlan> for RatePlan {
    fn from(plan: NewRatePlan) -> Self {
        let CancellationRule { free_until_hours, penalty_percent } = plan.cancellation;
        let cancellation = CancellationLine { free_until_hours, penalty_percent };
        Self { name: plan.name, amount: plan.amount, cancellation, active: plan.active }
    }
}

impl From<SeasonFactors> for SeasonLine {
    fn from(season: SeasonFactors) -> Self {
        // The validators have counted; a wrong count would be refused as factors of 0.
        let (mut months, mut weekdays) = ([0; 12], [0; 7]);
        months.iter_mut().zip(season.months).for_each(|(to, from)| *to = from);
        weekdays.iter_mut().zip(season.weekdays).for_each(|(to, from)| *to = from);
        Self { months, weekdays }
    }
}

impl From<NewRoomType> for RoomType {
    fn from(room_type: NewRoomType) -> Self {
        Self {
            name: room_type.name,
            sleeps: room_type.sleeps,
            rooms: room_type.rooms,
            rate_plans: room_type.rate_plans.into_iter().map(RatePlan::from).collect(),
            season: room_type.season.map(SeasonLine::from),
            active: room_type.active,
        }
    }
}

impl From<TaxRule> for Tax {
    fn from(tax: TaxRule) -> Self {
        Self { name: tax.name, percent: tax.percent, included: tax.included }
    }
}

impl From<NewProperty> for Line {
    fn from(new: NewProperty) -> Self {
        Self {
            reference: new.reference,
            name: new.name,
            city: new.city,
            country: new.country,
            address: new.address,
            latitude: new.latitude,
            longitude: new.longitude,
            time_zone: new.time_zone,
            stars: new.stars,
            rating: 0.0,
            description: new.description,
            amenities: new.amenities,
            currency: new.currency,
            taxes: new.taxes.into_iter().map(Tax::from).collect(),
            email: new.email,
            photos: new.photos,
            room_types: new.room_types.into_iter().map(RoomType::from).collect(),
            active: new.active,
        }
    }
}

/// A hotel's line again, to be changed and checked like a new one.
pub(super) fn line_of(hotel: &HotelProfile) -> Line {
    Line {
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
        taxes: hotel.taxes.iter().map(|rule| Tax::from(TaxRule::from(rule))).collect(),
        email: hotel.email.clone(),
        photos: hotel.photos.clone(),
        room_types: hotel.room_types.iter().map(room_line_of).collect(),
        active: hotel.active,
    }
}

/// A room type's line again.
pub(super) fn room_line_of(room_type: &RoomTypeProfile) -> RoomType {
    let Season { months, weekdays } = room_type.season;
    let plan = |plan: &RatePlanProfile| RatePlan {
        name: plan.name.clone(),
        amount: plan.amount,
        cancellation: CancellationLine {
            free_until_hours: plan.cancellation.free_until_hours,
            penalty_percent: plan.cancellation.penalty_percent,
        },
        active: plan.active,
    };
    RoomType {
        name: room_type.name.clone(),
        sleeps: room_type.sleeps,
        rooms: room_type.rooms,
        rate_plans: room_type.rate_plans.iter().map(plan).collect(),
        season: Some(SeasonLine { months, weekdays }),
        active: room_type.active,
    }
}

/// All faults of a line, as one problem.
pub(super) fn invalid(faults: Vec<Fault>) -> ApiError {
    let problem = edge::Problem::new(&edge::problem_types::INVALID);
    let field = |fault: Fault| edge::FieldError { pointer: fault.pointer, detail: fault.why };
    problem.fields(faults.into_iter().map(field)).into()
}
