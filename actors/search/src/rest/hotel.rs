//! The response for a hotel with its room types and rate plans.

use contracts::search::HotelDetails;
use contracts::{RatePlanProfile, RoomTypeProfile, TaxRule};
use poem_openapi::Object;

use super::list::{kilometres, rating};

/// A hotel with its room types and rate plans.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct Hotel {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The number of stars, from 0 (unrated) to 5.
    pub stars: u8,
    /// The guests' rating, from 0.1 to 10. Omitted if there is none.
    #[oai(skip_serializing_if_is_none)]
    pub rating: Option<f64>,
    /// The name of the city.
    pub city: String,
    /// The id of the city.
    pub city_id: String,
    /// The country code (ISO 3166-1 alpha-2).
    pub country: String,
    /// The street and number.
    pub address: String,
    /// The distance from the centre of the city, in kilometres.
    pub distance_km: f64,
    /// The latitude, in degrees north.
    pub latitude: f64,
    /// The longitude, in degrees east.
    pub longitude: f64,
    /// The time zone (IANA name) of all dates and deadlines of this hotel.
    pub time_zone: String,
    /// The description, as plain text.
    pub description: String,
    /// The amenities, such as `wifi`, in alphabetical order.
    pub amenities: Vec<String>,
    /// The URLs of the photos.
    pub photos: Vec<String>,
    /// The currency code (ISO 4217) of all prices of this hotel.
    pub currency: String,
    /// The mandatory taxes and fees.
    pub taxes: Vec<TaxRate>,
    /// The room types that can be booked.
    pub room_types: Vec<RoomType>,
    /// Whether the hotel can be booked.
    pub active: bool,
    /// Whether this is a fictional hotel for demonstrations.
    pub demo: bool,
}

/// A tax or fee on the price of rooms.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct TaxRate {
    /// The name, as shown to guests.
    pub name: String,
    /// The percentage of the price.
    pub percent: f64,
    /// Whether the prices of nights include this tax.
    pub included: bool,
}

/// A room type: rooms that are sold as equal.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct RoomType {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The greatest number of guests in one room.
    pub sleeps: u8,
    /// The rate plans that can be booked.
    pub rate_plans: Vec<RatePlan>,
}

/// A rate plan: the conditions of a stay.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct RatePlan {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The cancellation policy.
    pub cancellation: CancellationPolicy,
}

/// A cancellation policy: free until some hours before check-in, then a percentage of the total.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct CancellationPolicy {
    /// How long cancellation is free, in hours before 15:00 local time on the check-in date. Omitted if cancellation is never
    /// free.
    #[oai(skip_serializing_if_is_none)]
    pub free_until_hours: Option<u32>,
    /// The cancellation fee afterwards, in percent of the total.
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
