//! Offers: quoted prices of a stay, valid for half an hour.

use protocol::{Access, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Policy, ROOMS_MAX, Reservations};
use crate::{Currency, Date, HotelId, RatePlanId, RoomTypeId, Stay, pricing::TaxAmount};

/// How long a quote is valid, in seconds.
pub const OFFER_SECS: i64 = 30 * 60;

/// The local hour of check-in, from which cancellation deadlines are counted back.
pub const CHECK_IN_HOUR: i8 = 15;

/// The local hour of check-out.
pub const CHECK_OUT_HOUR: i8 = 11;

/// Why no rooms are offered for a number of guests and rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PartyError {
    #[error("1 to {ROOMS_MAX} rooms are booked at once")]
    Rooms,
    #[error("at least one guest for each room")]
    Guests,
}

impl PartyError {
    /// The name of the parameter.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Guests => "guests",
        }
    }
}

/// The rule for guests and rooms that search and offers share.
///
/// # Errors
/// If there are too few guests for the rooms, or no or too many rooms.
pub const fn check_party(guests: u32, rooms: u32) -> Result<(), PartyError> {
    if rooms == 0 || rooms > ROOMS_MAX {
        Err(PartyError::Rooms)
    } else if guests < rooms {
        Err(PartyError::Guests)
    } else {
        Ok(())
    }
}

/// The number of guests of a request that does not state it: two, or one for each room if there are more rooms.
pub const fn default_guests(rooms: u32) -> u32 {
    if rooms > 2 { rooms } else { 2 }
}

/// A full hour of a local date at the hotel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalHour {
    pub date: Date,
    /// 0 to 23.
    pub hour: i8,
}

impl std::fmt::Display for LocalHour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:02}:00", self.date, self.hour)
    }
}

/// A restriction of the calendar that a stay does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Restriction {
    #[error("no guests arrive on {day}: choose another check-in date")]
    ClosedToArrival { day: Date },
    #[error("no guests depart on {day}: choose another check-out date")]
    ClosedToDeparture { day: Date },
    /// The minimum stay of guests who arrive on `day`.
    #[error("guests who arrive on {day} stay at least {nights} nights: choose a later check-out date")]
    MinStay { day: Date, nights: u8 },
}

impl Restriction {
    /// The name in REST responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClosedToArrival { .. } => "closed_to_arrival",
            Self::ClosedToDeparture { .. } => "closed_to_departure",
            Self::MinStay { .. } => "min_stay",
        }
    }

    /// The day in the calendar that has the restriction.
    pub const fn day(self) -> Date {
        match self {
            Self::ClosedToArrival { day } | Self::ClosedToDeparture { day } | Self::MinStay { day, .. } => {
                day
            }
        }
    }
}

/// The content of a sealed offer: price, taxes and policy to the cent. It becomes part of the reservation. The APIs seal it
/// for clients (`ClusterKey::seal("offers")`) and open it again before they send [`super::Hold`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub hotel: HotelId,
    pub room_type: RoomTypeId,
    pub rate_plan: RatePlanId,
    /// The room type's name at the time of the quote.
    pub room_name: String,
    /// The rate plan's name at the time of the quote.
    pub plan_name: String,
    /// The hotel's time zone. All dates and deadlines are in it.
    pub time_zone: String,
    pub stay: Stay,
    /// 1 to [`super::ROOMS_MAX`].
    pub rooms: u32,
    pub guests: u32,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Each night's price for all rooms together in minor units, in the order of the nights.
    pub nightly: Vec<i64>,
    /// Each tax, rounded once.
    pub taxes: Vec<TaxAmount>,
    /// Σ nightly + taxes that are not included, in minor units.
    pub total: i64,
    pub policy: Policy,
    /// The quote is valid until this instant.
    pub expires_at: Timestamp,
}

impl Quote {
    /// The nights with their prices.
    pub fn priced_nights(&self) -> impl Iterator<Item = (Date, i64)> {
        self.stay.nights().zip(self.nightly.iter().copied())
    }

    /// The cancellation fee after the deadline, in minor units.
    pub fn penalty(&self) -> i64 {
        crate::pricing::share(self.total, self.policy.penalty_percent, self.currency)
    }
}

/// A room type at a rate plan that is available for the whole stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub quote: Quote,
    /// The most guests in one room.
    pub sleeps: u8,
    /// The least number of available rooms on any night of the stay.
    pub rooms_left: u32,
}

/// Reads what a hotel offers for a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetOffers {
    pub hotel: HotelId,
    pub stay: Stay,
    pub guests: u32,
    pub rooms: u32,
}

impl Request for GetOffers {
    type Contract = Reservations;
    type Reply = Offers;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }
}

/// What a hotel offers for a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// The hotel's time zone.
    pub time_zone: String,
    /// By room type and rate plan in the hotel's own order; empty if nothing fits or is available.
    pub offers: Vec<Offer>,
}
