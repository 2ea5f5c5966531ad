//! Rates, inventory and restrictions of single nights.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::Reservations;
use crate::search::Night;
use crate::{Date, HotelId, RatePlanId, RoomTypeId, scope};

/// The most nights in one [`SetCalendar`] or [`GetCalendar`].
pub const CALENDAR_NIGHTS_MAX: i32 = 732;

/// A range of nights, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nights {
    pub from: Date,
    pub to: Date,
}

/// Sets rates, inventory or restrictions for a range of nights of a room type, or for none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCalendar {
    pub hotel: HotelId,
    pub room_type: RoomTypeId,
    pub nights: Nights,
    pub change: CalendarChange,
}

impl Request for SetCalendar {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// What to change for each night of a range. `None` leaves a value unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct CalendarChange {
    /// The number of rooms; `Some(None)` returns to the room type's own number.
    pub rooms: Option<Option<u32>>,
    /// Prices of rate plans in minor units; `None` returns to the seasonal price.
    pub prices: Vec<(RatePlanId, Option<i64>)>,
    /// Whether the nights are closed for sale.
    pub stop_sell: Option<bool>,
    /// The minimum stay of guests who arrive on these days, in nights; 0 and 1 are no restriction.
    pub min_stay: Option<u8>,
    /// Whether the days are closed to arrival.
    pub closed_to_arrival: Option<bool>,
    /// Whether the days are closed to departure.
    pub closed_to_departure: Option<bool>,
}

/// Reads nights of a room type, for staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCalendar {
    pub hotel: HotelId,
    pub room_type: RoomTypeId,
    pub nights: Nights,
}

impl Request for GetCalendar {
    type Contract = Reservations;
    type Reply = Vec<CalendarNight>;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// A night of the calendar: its inventory and restrictions, and the price of each rate plan in minor units.
pub type CalendarNight = (Date, Night, Vec<(RatePlanId, i64)>);
