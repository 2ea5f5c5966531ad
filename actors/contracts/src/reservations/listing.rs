//! Lists, calendars and properties: what staff and pollers ask for.

use std::collections::BTreeMap;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::booking::{Reservation, Status};
use crate::{Date, HotelId, HotelProfile, RatePlanId, ReservationId};

/// Which reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListBy {
    /// The caller's own (or of whom it acts for), the newest first.
    Owner,
    /// A hotel's, for its staff, by the day of check-in. Holds appear once they are paid.
    Hotel(HotelId),
}

/// Which reservations, and from where on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReservations {
    /// Whose.
    pub by: ListBy,
    /// Only in this status.
    pub status: Option<Status>,
    /// Only with a check-in on or after this day.
    pub check_in_from: Option<Date>,
    /// Only with a check-in on or before this day.
    pub check_in_to: Option<Date>,
    /// Only with this name of the maker's.
    pub reference: Option<String>,
    /// Only if changed at or after this instant.
    pub updated_since: Option<Timestamp>,
    /// Only those after this one.
    pub after: Option<Position>,
    /// At most so many, 1 to 100.
    pub limit: u32,
}

/// A place in a list, the same over all shards. Lists run from small to great.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Of a caller's list: milliseconds before the end of time, so that the newest come first. Of a hotel's: the day of
    /// check-in.
    pub rank: u64,
    /// Tells apart what has the same rank.
    pub reservation: ReservationId,
}

/// A shard's part of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationPage {
    /// What was found, each with its place.
    pub items: Vec<(Position, Reservation)>,
    /// How far the shard looked, when there may be more behind.
    pub scanned_to: Option<Position>,
}

/// One page of many shards', and where the next begins. A page may be short, even empty, and yet have a next: each shard
/// looks at a bounded number of reservations for one page.
pub fn merge(pages: Vec<ReservationPage>, limit: usize) -> (Vec<Reservation>, Option<Position>) {
    // Behind the place where the most hesitant shard stopped there may be something of its own that comes first.
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

/// A range of nights, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nights {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
}

/// What to change about each night of a range. What is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct CalendarChange {
    /// Rooms in the calendar; `Some(None)`: the room type's own number again.
    pub rooms: Option<Option<u32>>,
    /// Prices of rate plans, minor units; none: the season's again.
    pub prices: Vec<(RatePlanId, Option<i64>)>,
    /// Whether nothing is sold.
    pub stop_sell: Option<bool>,
    /// The shortest stay for guests who arrive on this day; 0 and 1 are no restriction.
    pub min_stay: Option<u8>,
    /// No arrival on this day.
    pub closed_to_arrival: Option<bool>,
    /// No departure on this day.
    pub closed_to_departure: Option<bool>,
}

/// A hotel and its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManagedHotel {
    /// The hotel.
    pub hotel: HotelProfile,
    /// Grows with each change: the ETag.
    pub version: u32,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What must be there before a hotel is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    /// Nothing.
    Absent,
    /// Any version.
    None,
    /// This version.
    Version(u32),
}

/// Who, on a day at a hotel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DayList {
    /// Who arrives.
    Arrivals,
    /// Who leaves.
    Departures,
    /// Who sleeps there.
    InHouse,
}

/// What operators may set. Replicated, so that each replica decides alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Unpaid reservations that an account or a guest's session may have at a time, in each shard.
    pub unpaid_holds_max: u32,
    /// The same for OAuth clients by their id, at most 500; a client that is not named has no limit.
    pub client_unpaid_holds_max: BTreeMap<String, u32>,
    /// How long a hold lasts, in seconds.
    pub hold_secs: u32,
    /// By how much the first payment extends it, in seconds.
    pub hold_extension_secs: u32,
    /// How many days ahead nights are sold.
    pub horizon_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unpaid_holds_max: 5,
            client_unpaid_holds_max: BTreeMap::new(),
            hold_secs: 15 * 60,
            hold_extension_secs: 10 * 60,
            // 18 months, and the days that make them whole.
            horizon_days: 550,
        }
    }
}
