//! The trees of the store: key, value and meaning.
//!
//! A hold writes a reservation, the one or two calendar rows of its nights, and an index row of its owner (and one of its
//! reference, if it has one).

use contracts::reservations::{ManagedHotel, Reservation, Settings};
use contracts::{Currency, Date, HotelId, HotelProfile, RatePlanId, ReservationId, RoomTypeId};
use group::Tree;
use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use crate::chunk::Chunk;

/// Hotels as their staff describes them. They are never removed, only taken off sale.
pub(crate) const HOTELS: Tree<HotelId, HotelRow> = Tree::new(32, "hotels");

/// What a hold needs of a room type. Written together with its hotel; small, because each hold reads it.
pub(crate) const ROOMS: Tree<RoomTypeId, RoomFacts> = Tree::new(33, "rooms");

/// 32 nights of a room type, by the day number divided by 32. An absent row has no restrictions, and no rooms are taken.
pub(crate) const CALENDAR: Tree<(RoomTypeId, i32), Chunk> = Tree::new(34, "calendar");

pub(crate) const RESERVATIONS: Tree<ReservationId, ReservationRow> = Tree::new(35, "reservations");

/// The reservations of an owner, newest first: hash of the owner, [`rank`], id.
pub(crate) const BY_OWNER: Tree<(u64, u64, ReservationId), ()> = Tree::new(36, "reservations by owner");

/// The reservations of an owner that have a reference, newest first: hash of the owner, hash of the reference, [`rank`], id.
pub(crate) const BY_REFERENCE: Tree<(u64, u64, u64, ReservationId), ()> =
    Tree::new(37, "reservations by reference");

/// The reservations of a hotel by check-in date, from their confirmation on.
pub(crate) const BY_HOTEL: Tree<(HotelId, Date, ReservationId), ()> = Tree::new(38, "reservations by hotel");

/// The shard's settings under key 0. An absent row means the defaults.
pub(crate) const SETTINGS: Tree<u8, Settings> = Tree::new(39, "settings");

/// Admitted holds by the hash of owner and admission, until the longest lifetime of a hold is over. Only in the shard of slot 0.
pub(crate) const ADMISSIONS: Tree<u128, AdmissionRow> = Tree::new(40, "admissions");

/// What admitted holds count against a limit, by the hash of an owner or of an address. Only in the shard of slot 0. An absent
/// row means that nothing is counted.
pub(crate) const COUNTERS: Tree<u128, CounterRow> = Tree::new(41, "hold counters");

/// See [`ADMISSIONS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdmissionRow {
    /// The counter of the owner, while it counts this hold.
    pub owner: Option<u128>,
    /// The counters of addresses that count its rooms.
    pub addresses: Vec<u128>,
    pub rooms: u32,
}

/// See [`COUNTERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct CounterRow {
    /// Holds of an owner, or rooms of an address.
    pub amount: u32,
    /// How often holds were refused.
    pub refusals: u8,
    /// Holds are refused until then.
    pub not_before: Timestamp,
}

/// A hotel and its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HotelRow {
    pub version: u32,
    pub updated_at: Timestamp,
    pub hotel: HotelProfile,
}

impl From<HotelRow> for ManagedHotel {
    fn from(row: HotelRow) -> Self {
        Self { hotel: row.hotel, version: row.version, updated_at: row.updated_at }
    }
}

/// See [`ROOMS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomFacts {
    pub hotel: HotelId,
    /// Whether both the hotel and the room type are on sale.
    pub active: bool,
    /// The number of rooms on nights where the calendar has no other number.
    pub rooms: u32,
    pub time_zone: String,
    /// The rate plans that are on sale. All others are with the hotel only, so that their number does not slow down holds.
    pub plans: Vec<RatePlanId>,
    /// The currency of all prices. Offers in an earlier one are not honoured.
    pub currency: Currency,
}

impl RoomFacts {
    pub fn sells(&self, plan: RatePlanId) -> bool {
        self.active && self.plans.contains(&plan)
    }
}

/// A reservation as it is stored. A new form is a new variant at the end.
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

/// The timers of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    /// The expiry time of a hold. By then the hold may have been paid, cancelled or extended.
    ExpireHold(ReservationId),
    /// The end of the day of a no-show. By then the no-show may have been undone, and recorded again.
    SettleNoShow(ReservationId),
    /// The longest lifetime of an admitted hold is over; the key in the tree of admissions.
    ForgetAdmission(u128),
    /// The refusals of a counter are forgotten, unless there were further ones; its key.
    ForgetRefusals(u128),
}

/// A short, stable hash for index keys. Readers compare the reservation itself, so a collision discloses nothing.
pub(crate) fn short_hash(text: &str) -> u64 {
    (codec::hash128(&[text.as_bytes()]) >> 64) as u64
}

/// The rank of an instant in a list that is sorted newest first.
pub(crate) fn rank(at: Timestamp) -> u64 {
    u64::MAX - at.millis().unsigned_abs()
}
