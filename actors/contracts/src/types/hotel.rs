//! The profile of a hotel, as it is imported, and as search and the pages show it.

use serde::{Deserialize, Serialize};

use crate::{Currency, HotelId, RatePlanId, RoomTypeId};

/// A hotel with its room types and rate plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HotelProfile {
    /// See [`HotelId::of_reference`].
    pub id: HotelId,
    /// The owner's identifier of the hotel, used by imports.
    pub reference: String,
    pub name: String,
    /// The city's name as imported. Search resolves it to a city.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Street and number, as far as known.
    pub address: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name. All local dates and deadlines of the hotel are in this time zone.
    pub time_zone: String,
    /// 0 (none) to 5.
    pub stars: u8,
    /// The rating by guests in tenths, 0 to 100; 0 without a rating.
    pub rating_tenths: u8,
    /// Plain text.
    pub description: String,
    /// Identifiers such as `wifi` and `pool`, sorted.
    pub amenities: Vec<String>,
    /// The currency of all its prices.
    pub currency: Currency,
    /// Mandatory taxes and fees.
    pub taxes: Vec<TaxRule>,
    /// The address for mails to the hotel.
    pub email: Option<String>,
    /// URLs of photos. Without photos, pages show a generated picture.
    pub photos: Vec<String>,
    pub room_types: Vec<RoomTypeProfile>,
    /// Whether the hotel can be booked.
    pub active: bool,
    /// Whether it is a demo hotel.
    pub demo: bool,
}

/// A tax or fee on the room price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRule {
    pub name: String,
    /// Hundredths of a percent: 7.5 % is 750.
    pub basis_points: u32,
    /// Whether prices already include it.
    pub included: bool,
}

/// A room type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomTypeProfile {
    /// Derived at creation from the reference or the name. It does not change with them.
    pub id: RoomTypeId,
    pub name: String,
    /// The maximum number of guests in one room.
    pub sleeps: u8,
    /// The number of rooms on nights without a calendar entry.
    pub rooms: u32,
    pub rate_plans: Vec<RatePlanProfile>,
    /// Price factors by month and weekday.
    pub season: Season,
    /// Whether it is sold.
    pub active: bool,
    /// The owner's identifier of the room type, unique in the hotel. Imports find it by its reference, else by its name.
    pub reference: Option<String>,
}

/// A rate plan: price and conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePlanProfile {
    /// Derived at creation from the reference or the name. It does not change with them.
    pub id: RatePlanId,
    pub name: String,
    /// The price of a room for a night before [`Season`], in minor units.
    pub amount: i64,
    /// The cancellation policy.
    pub cancellation: Cancellation,
    /// Whether it is sold.
    pub active: bool,
    /// The owner's identifier of the rate plan, unique in the room type. Imports find it by its reference, else by its name.
    pub reference: Option<String>,
}

/// A cancellation policy: free until some hours before check-in (15:00 by the hotel's time), then a share of the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Hours before 15:00 on the day of check-in; none if cancellation is never free.
    pub free_until_hours: Option<u32>,
    /// The percentage of the total that is charged afterwards, 0 to 100.
    pub penalty_percent: u8,
}

/// Price factors in thousandths, by month and by weekday. The price of a night is the product of both with the rate plan's
/// amount, rounded half up to a minor unit. Prices in the calendar override it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// From January.
    pub months: [u16; 12],
    /// From Monday.
    pub weekdays: [u16; 7],
}

impl Season {
    /// The same price for all nights.
    pub const FLAT: Self = Self { months: [1000; 12], weekdays: [1000; 7] };
}

impl Default for Season {
    fn default() -> Self {
        Self::FLAT
    }
}
