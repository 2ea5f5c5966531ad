//! Stores a hotel that is new or has changed.

use contracts::HotelProfile;
use group::Turn;
use protocol::Timestamp;

use crate::state::{HOTELS, NIGHTS, StoredHotel, date_of};
use crate::{Note, Search};

/// The maximum number of rows of nights of a hotel, far beyond what its room types and the booking horizon need.
const ROWS_MAX: usize = 20_000;

pub(super) fn update_hotel(turn: &mut Turn<'_, Search>, profile: HotelProfile, at: Timestamp) {
    let id = profile.id;
    if turn.get(&HOTELS, &id).is_some_and(|known| known.at > at) {
        return;
    }
    let stored = StoredHotel { profile, at };
    turn.put(&HOTELS, &id, &stored);
    // The index has no calendars of new hotels and of room types that were not sold: they are read from the store.
    let rows = turn.scan(&NIGHTS, &(id,), ROWS_MAX);
    let nights = rows.into_iter().flat_map(|((_, room_type, row), nights)| {
        nights.into_iter().map(move |stored| (room_type, date_of(row, stored.day), stored.night))
    });
    let nights = nights.collect();
    turn.note(Note::Hotel { profile: Box::new(stored.profile), nights });
}
