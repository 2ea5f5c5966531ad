//! Hotels as their staff manages them.

use protocol::{Access, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use super::Reservations;
use crate::{HotelId, HotelProfile, RoomTypeProfile, scope};

/// The most hotels in one [`ImportHotels`].
pub const IMPORT_MAX: usize = 200;

/// Creates hotels or updates them, by their reference. All hotels of one command belong to one shard. Room types and rate
/// plans are found by their reference, else by their name; their ids in this request are replaced by the stored ones. Those
/// that are missing in the new description go off sale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportHotels {
    /// At most [`IMPORT_MAX`].
    pub hotels: Vec<HotelProfile>,
}

impl Request for ImportHotels {
    type Contract = Reservations;
    type Reply = Imported;

    fn route(&self) -> Route {
        self.hotels.first().map_or(Route::SINGLE, |hotel| Route::Slot(hotel.id.slot()))
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// How many hotels an import created, updated and left as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub created: u32,
    pub updated: u32,
    pub unchanged: u32,
}

/// Creates a hotel, or replaces its description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PutHotel {
    pub hotel: HotelProfile,
    /// What must be stored now.
    pub expect: Precondition,
}

impl Request for PutHotel {
    type Contract = Reservations;
    type Reply = ManagedHotel;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.id.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// Adds a room type to a hotel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddRoomType {
    pub hotel: HotelId,
    /// Its ids are replaced if they are in use under earlier names or references.
    pub room_type: RoomTypeProfile,
    /// The version that the hotel must have.
    pub expect: Option<u32>,
}

impl Request for AddRoomType {
    type Contract = Reservations;
    type Reply = ManagedHotel;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// The state that a hotel must be in before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    /// No hotel has this id.
    Absent,
    /// No precondition.
    None,
    /// The hotel exists with this version.
    Version(u32),
}

/// Reads one hotel as everybody may see it: without its mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetHotel {
    pub hotel: HotelId,
}

impl Request for GetHotel {
    type Contract = Reservations;
    type Reply = HotelProfile;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::ANYONE
    }
}

/// Reads one hotel as its staff sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetManagedHotel {
    pub hotel: HotelId,
}

impl Request for GetManagedHotel {
    type Contract = Reservations;
    type Reply = ManagedHotel;

    fn route(&self) -> Route {
        Route::Slot(self.hotel.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE]).or_services(&["reservations"])
    }
}

/// Reads the hotels that the caller manages, in the order of their ids. Sent to every shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListManagedHotels {
    /// Only hotels with an id after this one.
    pub after: Option<HotelId>,
    /// The most hotels that each shard returns.
    pub limit: u32,
}

impl Request for ListManagedHotels {
    type Contract = Reservations;
    type Reply = Vec<ManagedHotel>;

    fn route(&self) -> Route {
        Route::AllShards
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE])
    }
}

/// A hotel and its version, for its staff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManagedHotel {
    pub hotel: HotelProfile,
    /// Grows with each change: the entity tag.
    pub version: u32,
    pub updated_at: Timestamp,
}
