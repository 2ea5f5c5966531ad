//! Stores nights and taken rooms. Both parts of a night have the time of their last change, so that late and duplicate
//! updates have no effect.

use std::collections::BTreeMap;

use contracts::search::Night;
use contracts::{Date, HotelId, RoomTypeId};
use group::Turn;
use protocol::Timestamp;

use crate::state::{NIGHTS, PAST_DAYS_KEPT, StoredNight, date_of, row_of};
use crate::{Note, Search};

type Of = (HotelId, RoomTypeId);

pub(super) fn update_nights(turn: &mut Turn<'_, Search>, of: Of, nights: Vec<(Date, Night)>, at: Timestamp) {
    let mut rows = Rows::new(of);
    for (date, night) in nights {
        let stored = rows.night(turn, date);
        if at >= stored.changed_at {
            stored.night = Night { taken: stored.night.taken, ..night.clone() };
            stored.changed_at = at;
        }
        if at >= stored.taken_at {
            stored.night.taken = night.taken;
            stored.taken_at = at;
        }
        rows.changed(date);
    }
    rows.write(turn);
}

pub(super) fn update_taken_rooms(
    turn: &mut Turn<'_, Search>,
    of: Of,
    from: Date,
    taken: &[u32],
    at: Timestamp,
) {
    let mut rows = Rows::new(of);
    for (taken, day) in taken.iter().zip(0..) {
        let date = from.plus_days(day);
        let stored = rows.night(turn, date);
        if at >= stored.taken_at {
            stored.night.taken = *taken;
            stored.taken_at = at;
            rows.changed(date);
        }
    }
    rows.write(turn);
}

/// The rows that a command changes, each read and written once.
struct Rows {
    of: Of,
    rows: BTreeMap<i32, Row>,
    changed: Vec<Date>,
}

struct Row {
    nights: Vec<StoredNight>,
    new: bool,
}

impl Rows {
    fn new(of: Of) -> Self {
        Self { of, rows: BTreeMap::new(), changed: Vec::new() }
    }

    fn night(&mut self, turn: &Turn<'_, Search>, date: Date) -> &mut StoredNight {
        let (number, day) = row_of(date);
        let row = self.rows.entry(number).or_insert_with(|| {
            let stored = turn.get(&NIGHTS, &(self.of.0, self.of.1, number));
            Row { new: stored.is_none(), nights: stored.unwrap_or_default() }
        });
        let place = row.nights.binary_search_by_key(&day, |stored| stored.day).unwrap_or_else(|place| {
            let never = Timestamp(i64::MIN);
            let night = StoredNight { day, night: Night::default(), changed_at: never, taken_at: never };
            row.nights.insert(place, night);
            place
        });
        &mut row.nights[place]
    }

    fn changed(&mut self, date: Date) {
        self.changed.push(date);
    }

    fn write(mut self, turn: &mut Turn<'_, Search>) {
        let (hotel, room_type) = self.of;
        if self.changed.is_empty() {
            return;
        }
        let mut grown = false;
        for (number, row) in &self.rows {
            turn.put(&NIGHTS, &(hotel, room_type, *number), &row.nights);
            grown |= row.new;
        }
        self.changed.sort_unstable();
        self.changed.dedup();
        let night = |date: Date| {
            let (number, day) = row_of(date);
            let stored = &self.rows[&number].nights;
            let place = stored.binary_search_by_key(&day, |stored| stored.day).expect("changed above");
            (date, stored[place].night.clone())
        };
        let nights = self.changed.iter().map(|date| night(*date)).collect();
        turn.note(Note::Nights { hotel, room_type, nights });
        if grown {
            remove_past(turn, self.of);
        }
    }
}

/// Removes past nights whenever a row is added, so that calendars do not grow without bound.
fn remove_past(turn: &mut Turn<'_, Search>, (hotel, room_type): Of) {
    const ROWS_AT_ONCE: usize = 4;
    let today = turn.now().seconds().div_euclid(86_400) as i32;
    let before = row_of(Date(today - PAST_DAYS_KEPT)).0;
    let oldest: Vec<_> = turn.scan(&NIGHTS, &(hotel, room_type), ROWS_AT_ONCE);
    let mut forgotten = None;
    for (key, _) in oldest.into_iter().take_while(|((_, _, row), _)| *row < before) {
        turn.remove(&NIGHTS, &key);
        forgotten = Some(date_of(key.2 + 1, 0));
    }
    if let Some(before) = forgotten {
        turn.note(Note::Forgotten { hotel, room_type, before });
    }
}
