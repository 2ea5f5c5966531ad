//! Every tree: key, value, meaning.
//!
//! A hold writes a reservation, the one or two calendar rows of its nights, and its owner's index row; nothing else.

use contracts::reservations::{Reservation, Settings};
use contracts::{Date, HotelId, HotelProfile, RatePlanId, ReservationId, RoomTypeId};
use group::Tree;
use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use crate::chunk::Chunk;

/// Hotels as their owners describe them. Never removed, only off sale.
pub(crate) const HOTELS: Tree<HotelId, HotelRow> = Tree::new(32, "hotels");

/// What a hold has to know of a room type: written together with its hotel, and small, because each hold reads it.
pub(crate) const ROOMS: Tree<RoomTypeId, RoomFacts> = Tree::new(33, "rooms");

/// 32 nights of a room type, by the day number divided by 32. No row: nothing particular, nothing taken.
pub(crate) const CALENDAR: Tree<(RoomTypeId, i32), Chunk> = Tree::new(34, "calendar");

/// Reservations.
pub(crate) const RESERVATIONS: Tree<ReservationId, ReservationRow> = Tree::new(35, "reservations");

/// An owner's reservations, the newest first: hash of the owner, milliseconds before the end of time, id.
pub(crate) const BY_OWNER: Tree<(u64, u64, ReservationId), ()> = Tree::new(36, "reservations by owner");

/// The same by the maker's own name for them, where given: hash of the owner, hash of the name, rank, id.
pub(crate) const BY_REFERENCE: Tree<(u64, u64, u64, ReservationId), ()> =
    Tree::new(37, "reservations by reference");

/// A hotel's reservations by day of check-in, from their confirmation on: a hold is no guest yet.
pub(crate) const BY_HOTEL: Tree<(HotelId, Date, ReservationId), ()> = Tree::new(38, "reservations by hotel");

/// The shard's settings, under 0. No row: the defaults.
pub(crate) const SETTINGS: Tree<u8, Settings> = Tree::new(39, "settings");

/// A hotel, its version, and when it was changed last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HotelRow {
    pub version: u32,
    pub updated_at: Timestamp,
    pub hotel: HotelProfile,
}

/// See [`ROOMS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomFacts {
    pub hotel: HotelId,
    /// The hotel and the room type are both on sale.
    pub active: bool,
    /// Rooms on a night without an entry of its own.
    pub rooms: u32,
    pub time_zone: String,
    /// Rate plans, and whether they are on sale.
    pub plans: Vec<(RatePlanId, bool)>,
}

impl RoomFacts {
    pub fn sells(&self, plan: RatePlanId) -> bool {
        self.active && self.plans.iter().any(|(id, active)| *id == plan && *active)
    }

    pub fn has(&self, plan: RatePlanId) -> bool {
        self.plans.iter().any(|(id, _)| *id == plan)
    }
}

/// A reservation in its stored form. A new form becomes a new variant at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum ReservationRow {
    V1(Box<Reservation>),
}

impl From<Reservation> for ReservationRow {
    fn from(reservation: Reservation) -> Self {
        Self::V1(Box::new(reservation))
    }
}

impl From<ReservationRow> for Reservation {
    fn from(row: ReservationRow) -> Self {
        let ReservationRow::V1(reservation) = row;
        *reservation
    }
}

/// What the service asks to be reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    /// A hold may have come to its end; it may also have been paid, called off, or extended.
    ExpireHold(ReservationId),
}

/// A short stable hash for index keys. Rows are compared with what was asked for, so that a collision shows nothing.
pub(crate) fn short(text: &str) -> u64 {
    (codec::hash128(&[text.as_bytes()]) >> 64) as u64
}

/// Where an instant stands in a list that shows the newest first.
pub(crate) fn rank(at: Timestamp) -> u64 {
    u64::MAX - at.millis().unsigned_abs()
}

/// When what has this [`rank`] was made.
pub(crate) fn ranked_at(rank: u64) -> Timestamp {
    Timestamp(i64::try_from(u64::MAX - rank).unwrap_or(i64::MAX))
}
