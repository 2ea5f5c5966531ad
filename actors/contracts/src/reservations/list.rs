//! Lists of reservations, for their owners and for staff.

use std::collections::BTreeMap;

use protocol::{Access, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Reservation, Reservations, Status};
use crate::{Date, HotelId, ReservationId, scope};

/// Those who may read reservations, as far as the state shows that these are theirs. `reservations` reads them for its own
/// mails.
pub(super) const READERS: Access = Access::scopes(&[scope::RESERVATIONS_READ, scope::HOTEL_MANAGE])
    .or_services(&["ui", "payments", "reservations"]);

/// The index that a list of reservations is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListBy {
    /// The reservations of the caller (or of the user it acts for), newest first.
    Owner,
    /// The reservations of a hotel, for its staff, by check-in date. A reservation appears once it is paid.
    Hotel(HotelId),
}

/// Reads one page of reservations. Each shard returns its part; [`merge_pages`] joins them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReservations {
    pub by: ListBy,
    pub status: Option<Status>,
    /// Only with a check-in on or after this date.
    pub check_in_from: Option<Date>,
    /// Only with a check-in on or before this date.
    pub check_in_to: Option<Date>,
    /// Only with this reference of the booker.
    pub reference: Option<String>,
    /// Only if changed at or after this instant.
    pub updated_since: Option<Timestamp>,
    /// Only those after this position.
    pub after: Option<Position>,
    /// The most reservations of the page, 1 to 100.
    pub limit: u32,
}

impl Request for ListReservations {
    type Contract = Reservations;
    type Reply = ReservationPage;

    fn route(&self) -> Route {
        match self.by {
            ListBy::Owner => Route::AllShards,
            ListBy::Hotel(hotel) => Route::Slot(hotel.slot()),
        }
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// A position in a list, comparable over all shards. Lists are in ascending order of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// By owner: `u64::MAX` minus the time of creation in milliseconds, so that the newest come first. By hotel: the day of
    /// check-in.
    pub rank: u64,
    /// Breaks ties between equal ranks.
    pub reservation: ReservationId,
}

/// One shard's part of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationPage {
    pub items: Vec<(Position, Reservation)>,
    /// Where the shard stopped scanning, if there may be more after it.
    pub scanned_to: Option<Position>,
}

/// Merges the parts of all shards into one page, and returns the position after which the next page begins. A page may be
/// short, even empty, and still have a next page: each shard scans a bounded number of reservations for one page.
pub fn merge_pages(pages: Vec<ReservationPage>, limit: usize) -> (Vec<Reservation>, Option<Position>) {
    // After the earliest position at which a shard stopped, that shard may have reservations that come first.
    let known = pages.iter().filter_map(|page| page.scanned_to).min();
    let mut items: BTreeMap<Position, Reservation> = BTreeMap::new();
    for (position, item) in pages.into_iter().flat_map(|page| page.items) {
        if known.is_none_or(|known| position <= known) {
            items.insert(position, item);
        }
    }
    let next = if items.len() > limit { items.keys().nth(limit - 1).copied() } else { known };
    (items.into_values().take(limit).collect(), next)
}

/// Reads the arrivals, departures or in-house guests of a date, for staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetDayList {
    pub hotel: HotelId,
    pub date: Date,
    pub list: DayList,
}

impl Request for GetDayList {
    type Contract = Reservations;
    type Reply = ReservationPage;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// The lists that a front desk works with each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DayList {
    Arrivals,
    Departures,
    /// Guests who stay for the night.
    InHouse,
    /// Confirmed reservations with a check-in before the date, which are neither checked in nor marked as no-shows: the work of
    /// the night audit. Those of the [`Stay::NIGHTS_MAX`] days before the date.
    ///
    /// [`Stay::NIGHTS_MAX`]: crate::Stay::NIGHTS_MAX
    Overdue,
}
