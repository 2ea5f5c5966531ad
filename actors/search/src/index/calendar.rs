//! The nights of a room type that are not like all others, ascending.

use contracts::search::Night;
use contracts::{Date, RatePlanId};

/// What is particular about one night. See [`Night`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub day: i32,
    pub rooms: Option<u32>,
    pub taken: u32,
    pub min_stay: u8,
    pub stop_sell: bool,
    pub closed_to_arrival: bool,
    pub closed_to_departure: bool,
    pub prices: Box<[(RatePlanId, i64)]>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Calendar {
    nights: Vec<Deviation>,
}

impl Calendar {
    /// Sets a night; whether that touched its prices.
    pub fn set(&mut self, date: Date, night: &Night) -> bool {
        let place = self.nights.binary_search_by_key(&date.0, |deviation| deviation.day);
        let deviation = (*night != Night::default()).then(|| Deviation {
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
        match (place, deviation) {
            (Ok(place), Some(deviation)) => self.nights[place] = deviation,
            (Ok(place), None) => drop(self.nights.remove(place)),
            (Err(place), Some(deviation)) => self.nights.insert(place, deviation),
            (Err(_), None) => {}
        }
        priced
    }

    /// Drops all nights before; whether one of them had prices.
    pub fn forget(&mut self, before: Date) -> bool {
        let past = self.nights.partition_point(|deviation| deviation.day < before.0);
        self.nights.drain(..past).any(|deviation| !deviation.prices.is_empty())
    }

    /// What is particular from one day to another, both included.
    pub fn between(&self, first: i32, last: i32) -> &[Deviation] {
        // Few are looked for among few: where they begin is found by halving, where they end by looking.
        let from = self.nights.partition_point(|deviation| deviation.day < first);
        let rest = &self.nights[from..];
        let count = rest.iter().take_while(|deviation| deviation.day <= last).count();
        &rest[..count]
    }

    /// All of it.
    pub fn all(&self) -> &[Deviation] {
        &self.nights
    }
}
