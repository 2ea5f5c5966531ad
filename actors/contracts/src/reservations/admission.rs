//! Admission of unpaid holds: they are counted by owner and by the visitor's address, over all shards.
//!
//! The edge asks for an admission before it sends [`super::Hold`]. One shard counts for all, so a limit does not grow with
//! the number of shards or edges.

use protocol::{Access, Request, Route, codec};
use serde::{Deserialize, Serialize};

use super::Reservations;
use crate::{HotelId, scope};

/// Identifies the admission of one hold among those of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionId(pub u128);

impl AdmissionId {
    /// The admission of a hold. `command` is its idempotency key, or a random number if it has none. Rooms of another hotel, or
    /// another number of rooms, need an admission of their own.
    pub fn new(command: u128, hotel: HotelId, rooms: u32) -> Self {
        Self(codec::hash128(&[
            b"admission",
            &command.to_be_bytes(),
            &hotel.0.to_be_bytes(),
            &rooms.to_be_bytes(),
        ]))
    }
}

/// A visitor's address as keyed hashes, so that no address is stored or logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorAddress {
    /// The IPv4 address, or the /64 of the IPv6 address.
    pub address: u128,
    /// The /48 of the IPv6 address.
    pub network: Option<u128>,
}

/// Counts a hold before it is made. Repeating it counts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmitHold {
    pub admission: AdmissionId,
    pub hotel: HotelId,
    pub rooms: u32,
    pub address: VisitorAddress,
}

impl Request for AdmitHold {
    type Contract = Reservations;
    type Reply = Admission;

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::RESERVATIONS_WRITE]).or_services(&["ui"])
    }
}

/// Whether a hold may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// It is counted.
    Counted,
    /// Holds of the caller at this hotel are not counted, because the caller manages the hotel.
    Exempt,
    /// Too many rooms are held from the visitor's address. The time grows with each refusal.
    Later { retry_after_secs: u32 },
}

/// The hold is paid, has ended, or was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndAdmission {
    /// The owner of the hold; `None`: the caller.
    pub owner: Option<String>,
    pub admission: AdmissionId,
    pub end: AdmissionEnd,
}

/// How an admission ends. Holds that are released or expire count for their address until the longest lifetime of a hold is
/// over, so that holding and releasing rooms in a loop is limited too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdmissionEnd {
    Paid,
    Released,
    /// The hold was refused.
    Refused,
}

impl Request for EndAdmission {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::RESERVATIONS_WRITE]).or_services(&["ui", "reservations"])
    }
}
