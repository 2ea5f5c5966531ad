//! A hotel as its owner describes it: what an import line says, what search and the pages show.

use serde::{Deserialize, Serialize};

use crate::{Currency, HotelId, RatePlanId, RoomTypeId};

/// A hotel with its room types and rate plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HotelProfile {
    /// See [`HotelId::of_reference`].
    pub id: HotelId,
    /// The owner's own name for it in imports.
    pub reference: String,
    /// As guests know it.
    pub name: String,
    /// The city's name, as given; search finds the city that it means.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Street and number, as far as known.
    pub address: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name; all local dates and deadlines are in it.
    pub time_zone: String,
    /// 0 (none) to 5.
    pub stars: u8,
    /// Guests' rating in tenths, 0 to 100; 0 when there is none yet.
    pub rating_tenths: u8,
    /// Plain text.
    pub description: String,
    /// Short words such as `wifi`, `pool`, sorted.
    pub amenities: Vec<String>,
    /// Of all its prices.
    pub currency: Currency,
    /// Mandatory taxes and fees.
    pub taxes: Vec<TaxRule>,
    /// Where the hotel wants its mail.
    pub email: Option<String>,
    /// Addresses of photos; a drawn façade where there are none.
    pub photos: Vec<String>,
    /// What can be booked.
    pub room_types: Vec<RoomTypeProfile>,
    /// Whether it is bookable at all.
    pub active: bool,
    /// Made up, and marked as such.
    pub demo: bool,
}

/// A tax or fee on the room price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRule {
    /// As shown.
    pub name: String,
    /// Hundredths of a percent: 7.5 % is 750.
    pub basis_points: u32,
    /// Whether prices already include it.
    pub included: bool,
}

/// Rooms that are sold alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomTypeProfile {
    /// See [`RoomTypeId::of_name`].
    pub id: RoomTypeId,
    /// As guests know it.
    pub name: String,
    /// Guests that one room takes.
    pub sleeps: u8,
    /// How many rooms there are on a night without an entry of its own in the calendar.
    pub rooms: u32,
    /// At what conditions.
    pub rate_plans: Vec<RatePlanProfile>,
    /// How prices move over the year and the week.
    pub season: Season,
    /// Whether it is on sale.
    pub active: bool,
}

/// Price and conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePlanProfile {
    /// See [`RatePlanId::of_name`].
    pub id: RatePlanId,
    /// As guests know it.
    pub name: String,
    /// Minor units for a room and a night, before [`Season`].
    pub amount: i64,
    /// What cancelling costs.
    pub cancellation: Cancellation,
    /// Whether it is on sale.
    pub active: bool,
}

/// Free until some hours before check-in (at 15:00 of the hotel's time), then a share of the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Hours before 15:00 on the day of check-in; none: never free.
    pub free_until_hours: Option<u32>,
    /// Percent of the total that is kept afterwards, 0 to 100.
    pub penalty_percent: u8,
}

/// Factors in thousandths on a rate plan's amount, by month and by weekday: their product makes a night's price,
/// rounded half up to a minor unit. Prices set for single nights override it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// January first.
    pub months: [u16; 12],
    /// Monday first.
    pub weekdays: [u16; 7],
}

impl Season {
    /// Every night alike.
    pub const FLAT: Self = Self { months: [1000; 12], weekdays: [1000; 7] };
}

impl Default for Season {
    fn default() -> Self {
        Self::FLAT
    }
}
