//! The calendar of a room type: its nights with an entry, in ascending order.

use contracts::search::Night;
use contracts::{Date, RatePlanId};

/// The calendar entry of a night. See [`Night`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalendarEntry {
    pub day: i32,
    pub rooms: Option<u32>,
    pub taken: u32,
    pub min_stay: u8,
    pub stop_sell: bool,
    pub closed_to_arrival: bool,
    pub closed_to_departure: bool,
    pub prices: Box<[(RatePlanId, i64)]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Calendar {
    nights: Vec<CalendarEntry>,
}

impl Calendar {
    /// Sets a night. Returns whether its prices have changed.
    pub fn set(&mut self, date: Date, night: &Night) -> bool {
        let place = self.nights.binary_search_by_key(&date.0, |entry| entry.day);
        let entry = (*night != Night::default()).then(|| CalendarEntry {
            day: date.0,
            rooms: night.rooms,
            taken: night.taken,
            min_stay: night.min_stay,
            stop_sell: night.stop_sell,
            closed_to_arrival: night.closed_to_arrival,
            closed_to_departure: night.closed_to_departure,
            prices: night.prices.clone().into_boxed_slice(),
        });
        let before = place.ok().map(|place| &self.nights[place]).map_or(&[][..], |known| &known.prices);
        let priced = before != night.prices;
        match (place, entry) {
            (Ok(place), Some(entry)) => self.nights[place] = entry,
            (Ok(place), None) => drop(self.nights.remove(place)),
            (Err(place), Some(entry)) => self.nights.insert(place, entry),
            (Err(_), None) => {}
        }
        priced
    }

    /// Removes all nights before a date. Returns whether one of them had prices.
    pub fn forget(&mut self, before: Date) -> bool {
        let past = self.nights.partition_point(|entry| entry.day < before.0);
        self.nights.drain(..past).any(|entry| !entry.prices.is_empty())
    }

    /// The entries from `first` to `last`, inclusive.
    pub fn between(&self, first: i32, last: i32) -> &[CalendarEntry] {
        // The beginning is found by binary search; the few entries up to the end by iteration.
        let from = self.nights.partition_point(|entry| entry.day < first);
        let rest = &self.nights[from..];
        let count = rest.iter().take_while(|entry| entry.day <= last).count();
        &rest[..count]
    }

    /// All entries.
    pub fn all(&self) -> &[CalendarEntry] {
        &self.nights
    }
}
