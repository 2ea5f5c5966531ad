//! A hotel is new or was changed.

use contracts::HotelProfile;
use group::Turn;
use protocol::Timestamp;

use crate::state::{HOTELS, NIGHTS, StoredHotel, date_of};
use crate::{Note, Search};

/// Rows of nights that one hotel can have: far more room types than any hotel has, for far more months than are sold.
const ROWS_MAX: usize = 20_000;

pub(super) fn change_hotel(turn: &mut Turn<'_, Search>, profile: HotelProfile, at: Timestamp) {
    let id = profile.id;
    if turn.get(&HOTELS, &id).is_some_and(|known| known.at > at) {
        return;
    }
    let stored = StoredHotel { profile, at };
    turn.put(&HOTELS, &id, &stored);
    // The index drops the calendars of room types that are not sold, and knows none of a hotel that it meets now.
    let rows = turn.scan(&NIGHTS, &(id,), ROWS_MAX);
    let nights = rows.into_iter().flat_map(|((_, room_type, row), nights)| {
        nights.into_iter().map(move |stored| (room_type, date_of(row, stored.day), stored.night))
    });
    let nights = nights.collect();
    turn.note(Note::Hotel { profile: Box::new(stored.profile), nights });
}
