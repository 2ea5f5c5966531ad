//! Finding hotels: the world's cities, and which hotels there have rooms at what price.
//!
//! Search is fed by reservations and owns nothing: what it says of prices is what reservations will ask, to the cent,
//! since both call `contracts::pricing`; what it says of free rooms is as old as `as_of`. Each replica keeps an index in
//! memory, rebuilt from the store when it is opened and kept up turn by turn.
//!
//! Invariants (see [`Search`]'s `violations`):
//! - the index is what the store says, neither more nor less;
//! - every hotel belongs to one city, and every active hotel is in each order of its city once;
//! - what reservations said later is never overwritten by what they said earlier, in whatever order it arrives.
//!
//! Deliberately absent: a search engine's full text; exchange rates (prices are compared within a currency); any way to
//! change a hotel.

mod apply;
pub mod cities;
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

use crate::cities::Cities;
use crate::index::Index;

/// The service.
#[derive(Debug, Default)]
pub struct Search {
    cities: Cities,
    index: RwLock<Index>,
}

impl Search {
    /// Without any hotel, until it is opened.
    pub fn new() -> Self {
        Self::default()
    }

    // A panic while holding the lock stops the replica, and `opened` rebuilds the index before anybody reads it again.
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Search does nothing outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {}

/// Search waits for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {}

/// What a turn tells the index.
#[derive(Debug)]
pub enum Note {
    /// A hotel as it is now, and all that is particular about its nights.
    Hotel {
        /// The hotel.
        profile: Box<HotelProfile>,
        /// Its nights.
        nights: Vec<(RoomTypeId, Date, Night)>,
    },
    /// Some nights as they are now.
    Nights {
        /// Of which hotel.
        hotel: HotelId,
        /// Of which room type.
        room_type: RoomTypeId,
        /// The nights.
        nights: Vec<(Date, Night)>,
    },
    /// Past nights were dropped.
    Forgotten {
        /// Of which hotel.
        hotel: HotelId,
        /// Of which room type.
        room_type: RoomTypeId,
        /// All before this one.
        before: Date,
    },
    /// Reservations are reflected up to here.
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

    /// The index answers within microseconds; only a hotel's page reads the store.
    fn cost(query: &Query) -> Cost {
        match query {
            Query::Hotel(_) => Cost::Disk,
            Query::FindHotels(_) | Query::Cities { .. } | Query::City(_) | Query::TopCities { .. } => {
                Cost::Memory
            }
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::violations(view, &self.read(), &self.cities)
    }
}
