//! One hotel, whole.

use contracts::search::HotelDetails;
use contracts::{RatePlanProfile, RoomTypeProfile, TaxRule};
use poem_openapi::Object;

use super::list::{kilometres, rating};

/// A hotel as its owner describes it.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct Hotel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// 0 (none) to 5.
    pub stars: u8,
    /// Guests' rating, 0.1 to 10; left out when there is none yet.
    #[oai(skip_serializing_if_is_none)]
    pub rating: Option<f64>,
    /// The name of the city that it belongs to.
    pub city: String,
    /// The city's id.
    pub city_id: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Street and number.
    pub address: String,
    /// From the city's centre, in kilometres.
    pub distance_km: f64,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name of the time zone: all dates and deadlines are in it.
    pub time_zone: String,
    /// Plain text.
    pub description: String,
    /// Short words such as `wifi`, sorted.
    pub amenities: Vec<String>,
    /// Addresses of photos.
    pub photos: Vec<String>,
    /// ISO 4217: of all its prices.
    pub currency: String,
    /// Mandatory taxes and fees.
    pub taxes: Vec<TaxRate>,
    /// What can be booked.
    pub room_types: Vec<RoomType>,
    /// Whether it can be booked at all.
    pub active: bool,
    /// Made up, for trying the program.
    pub demo: bool,
}

/// A tax or fee on the price of rooms.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct TaxRate {
    /// As shown.
    pub name: String,
    /// Of the price.
    pub percent: f64,
    /// Whether prices of nights contain it already.
    pub included: bool,
}

/// Rooms that are sold alike.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct RoomType {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Guests that one room takes.
    pub sleeps: u8,
    /// At what conditions.
    pub rate_plans: Vec<RatePlan>,
}

/// Conditions of a stay.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct RatePlan {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What cancelling costs.
    pub cancellation: CancellationPolicy,
}

/// Free until some hours before check-in, then a share of the total.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct CancellationPolicy {
    /// Hours before 15:00, by the hotel's clock, on the day of check-in; left out when cancelling is never free.
    #[oai(skip_serializing_if_is_none)]
    pub free_until_hours: Option<u32>,
    /// Percent of the total that is kept afterwards.
    pub penalty_percent: u8,
}

impl From<HotelDetails> for Hotel {
    fn from(details: HotelDetails) -> Self {
        let profile = details.profile;
        Self {
            id: profile.id.to_string(),
            name: profile.name,
            stars: profile.stars,
            rating: rating(profile.rating_tenths),
            city_id: details.city.api_id(),
            city: (*details.city.name).to_owned(),
            country: profile.country,
            address: profile.address,
            distance_km: kilometres(details.distance_metres),
            latitude: profile.latitude,
            longitude: profile.longitude,
            time_zone: profile.time_zone,
            description: profile.description,
            amenities: profile.amenities,
            photos: profile.photos,
            currency: profile.currency.to_string(),
            taxes: profile.taxes.into_iter().map(TaxRate::from).collect(),
            room_types: profile
                .room_types
                .into_iter()
                .filter(|room| room.active)
                .map(RoomType::from)
                .collect(),
            active: profile.active,
            demo: profile.demo,
        }
    }
}

impl From<TaxRule> for TaxRate {
    fn from(rule: TaxRule) -> Self {
        Self { name: rule.name, percent: f64::from(rule.basis_points) / 100.0, included: rule.included }
    }
}

impl From<RoomTypeProfile> for RoomType {
    fn from(room: RoomTypeProfile) -> Self {
        let sold = room.rate_plans.into_iter().filter(|plan| plan.active);
        Self {
            id: room.id.to_string(),
            name: room.name,
            sleeps: room.sleeps,
            rate_plans: sold.map(RatePlan::from).collect(),
        }
    }
}

impl From<RatePlanProfile> for RatePlan {
    fn from(plan: RatePlanProfile) -> Self {
        Self {
            id: plan.id.to_string(),
            name: plan.name,
            cancellation: CancellationPolicy {
                free_until_hours: plan.cancellation.free_until_hours,
                penalty_percent: plan.cancellation.penalty_percent,
            },
        }
    }
}
