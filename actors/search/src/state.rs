//! The trees of search.
//!
//! | tree | key | value | meaning |
//! |---|---|---|---|
//! | [`HOTELS`] | hotel | [`StoredHotel`] | the latest profile of the hotel, and its time |
//! | [`NIGHTS`] | hotel, room type, month of 32 days | [`StoredNight`]s, ascending | the nights with a calendar entry |
//! | [`AS_OF`] | 0 | instant | the latest time of an update |
//!
//! Nights may be stored before their hotel or room type. The city of a hotel is not stored: it is derived from the profile
//! and the program's table of cities, which a newer version may correct.

use contracts::search::Night;
use contracts::{Date, HotelId, HotelProfile, RoomTypeId};
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) const HOTELS: Tree<HotelId, StoredHotel> = Tree::new(32, "hotels");
/// Several nights in one row, because the nights of a stay change together.
pub(crate) const NIGHTS: Tree<(HotelId, RoomTypeId, i32), Vec<StoredNight>> = Tree::new(33, "nights");
pub(crate) const AS_OF: Tree<u8, Timestamp> = Tree::new(34, "as of");

/// The number of days in a row of [`NIGHTS`].
pub(crate) const DAYS_PER_ROW: i32 = 32;

/// How long past nights are kept, in days: longer than any message is in transit.
pub(crate) const PAST_DAYS_KEPT: i32 = 40;

/// A hotel and the time of its last change, by the clock of reservations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredHotel {
    pub profile: HotelProfile,
    pub at: Timestamp,
}

/// A night and the times of its last changes, by the clock of reservations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredNight {
    /// The day within the row.
    pub day: u8,
    pub night: Night,
    /// The last change of everything except `taken`.
    pub changed_at: Timestamp,
    /// The last change of `taken`.
    pub taken_at: Timestamp,
}

/// The row of a date, and its day within it.
pub(crate) const fn row_of(date: Date) -> (i32, u8) {
    (date.0.div_euclid(DAYS_PER_ROW), date.0.rem_euclid(DAYS_PER_ROW) as u8)
}

/// The date of a day of a row.
pub(crate) const fn date_of(row: i32, day: u8) -> Date {
    Date(row * DAYS_PER_ROW + day as i32)
}
