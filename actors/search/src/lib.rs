//! Search for hotels: the cities of the world, and their hotels with available rooms and prices.
//!
//! Reservations sends all data, which it owns. Prices are exactly those that reservations quotes, since both use
//! `contracts::pricing`; availability is as old as `as_of`. Each replica has an index in memory, which it builds from the
//! store when it is opened and updates after each turn.
//!
//! Invariants (see [`Search`]'s `violations`):
//! - the index contains exactly what the store contains;
//! - every hotel belongs to one city, and every active hotel is in each order of its city once;
//! - an update never overwrites a later one, in whatever order they arrive.
//!
//! Deliberately absent: full-text search; exchange rates (prices are compared within a currency); changes of hotels.

mod apply;
pub mod demo;

mod index;
mod invariants;
mod query;
pub mod rest;

mod state;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use contracts::search::{Answer, Command, Night, Query, Refusal, Reply};
use contracts::{Date, HotelId, HotelProfile, RoomTypeId};
use group::{Cost, Service, Turn, View};
use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

use crate::index::Index;
use gazetteer::Cities;

/// The service.
#[derive(Debug, Default)]
pub struct Search {
    cities: Cities,
    index: RwLock<Index>,
}

impl Search {
    /// A service with an empty index, until it is opened.
    pub fn new() -> Self {
        Self::default()
    }

    // A panic while the lock is held stops the replica, and `opened` rebuilds the index before it is read again.
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There are no effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {}

/// There are no timers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {}

/// A change of the index after a turn.
#[derive(Debug)]
pub enum Note {
    /// A hotel and its calendar.
    Hotel { profile: Box<HotelProfile>, nights: Vec<(RoomTypeId, Date, Night)> },
    /// Some nights of a room type.
    Nights { hotel: HotelId, room_type: RoomTypeId, nights: Vec<(Date, Night)> },
    /// Past nights of a room type were removed.
    Forgotten {
        hotel: HotelId,
        room_type: RoomTypeId,
        /// Nights before this one were removed.
        before: Date,
    },
    /// Changes of reservations are reflected up to this time.
    AsOf(Timestamp),
}

impl Service for Search {
    type Contract = contracts::search::Search;
    type Effect = Effect;
    type Timer = Timer;
    type Note = Note;

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        apply::apply(turn, command)
    }

    fn fire(&self, _turn: &mut Turn<'_, Self>, timer: Timer) {
        match timer {}
    }

    fn query(&self, view: &View<'_>, _caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::query(view, &self.read(), &self.cities, query)
    }

    fn opened(&self, view: &View<'_>) {
        let index = Index::of_store(view, &self.cities);
        *self.write() = index;
    }

    fn committed(&self, notes: Vec<Note>) {
        let mut index = self.write();
        for note in notes {
            match note {
                Note::Hotel { profile, nights } => index.set_hotel(&self.cities, &profile, nights),
                Note::Nights { hotel, room_type, nights } => index.set_nights(hotel, room_type, &nights),
                Note::Forgotten { hotel, room_type, before } => index.forget(hotel, room_type, before),
                Note::AsOf(at) => index.as_of = at,
            }
        }
    }

    /// Queries of the index take microseconds. Only the profile of a hotel is read from the store.
    fn cost(query: &Query) -> Cost {
        match query {
            Query::GetHotel(_) => Cost::Disk,
            Query::FindHotels(_) | Query::SuggestCities(_) | Query::GetCity(_) | Query::ListTopCities(_) => {
                Cost::Memory
            }
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::violations(view, &self.read(), &self.cities)
    }
}
