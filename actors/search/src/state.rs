//! What search keeps on disk.
//!
//! | tree | key | value | meaning |
//! |---|---|---|---|
//! | [`HOTELS`] | hotel | [`StoredHotel`] | the hotel as reservations described it last, and when |
//! | [`NIGHTS`] | hotel, room type, month of 32 days | [`StoredNight`]s, ascending | the nights of which anything was ever said |
//! | [`AS_OF`] | 0 | instant | the latest instant by which reservations dated anything that arrived |
//!
//! Nights may be known before their hotel or room type is: they wait here until it is. Which city a hotel belongs to is
//! not stored: it follows from the profile and this program's table of cities, which a newer program may correct.

use contracts::search::Night;
use contracts::{Date, HotelId, HotelProfile, RoomTypeId};
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// See the module.
pub(crate) const HOTELS: Tree<HotelId, StoredHotel> = Tree::new(32, "hotels");
/// See the module. Packed, because a stay is a handful of consecutive nights that change together.
pub(crate) const NIGHTS: Tree<(HotelId, RoomTypeId, i32), Vec<StoredNight>> = Tree::new(33, "nights");
/// See the module.
pub(crate) const AS_OF: Tree<u8, Timestamp> = Tree::new(34, "as of");

/// Days in a row of [`NIGHTS`].
pub(crate) const DAYS_A_ROW: i32 = 32;

/// How long past nights are kept, in days: longer than any message is under way.
pub(crate) const PAST_DAYS_KEPT: i32 = 40;

/// A hotel and the instant of its last change, by the clock of reservations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredHotel {
    pub profile: HotelProfile,
    pub at: Timestamp,
}

/// A night and the instants of its last changes, by the clock of reservations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredNight {
    /// Within the row.
    pub day: u8,
    pub night: Night,
    /// Of all but `taken`.
    pub changed_at: Timestamp,
    /// Of `taken`.
    pub taken_at: Timestamp,
}

/// The row of a date, and its day within it.
pub(crate) const fn row_of(date: Date) -> (i32, u8) {
    (date.0.div_euclid(DAYS_A_ROW), date.0.rem_euclid(DAYS_A_ROW) as u8)
}

/// The date of a day of a row.
pub(crate) const fn date_of(row: i32, day: u8) -> Date {
    Date(row * DAYS_A_ROW + day as i32)
}
