//! A calendar row: 32 nights of a room type, packed so that a hold reads and writes one or two small rows.

use contracts::search::Night;
use contracts::{Date, RatePlanId};
use serde::{Deserialize, Serialize};

/// The number of nights in one row.
pub(crate) const NIGHTS: i32 = 32;

/// 32 nights, with indices 0 to 31. Restrictions are bit sets; sparse values are pairs of index and value in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// Rooms held or sold, from index 0 on, without trailing zeros.
    taken: Vec<u32>,
    /// The number of rooms, where it differs from the room type's own.
    rooms: Vec<(u8, u32)>,
    /// Prices that override the seasonal price, by rate plan.
    prices: Vec<(RatePlanId, Vec<(u8, i64)>)>,
    stop_sell: u32,
    closed_to_arrival: u32,
    closed_to_departure: u32,
    min_stay: Vec<(u8, u8)>,
}

/// The number of the row that contains a night, and the night's index in it.
pub(crate) const fn place(night: Date) -> (i32, u8) {
    (night.0.div_euclid(NIGHTS), night.0.rem_euclid(NIGHTS) as u8)
}

/// The night with this index in a row.
pub(crate) const fn night_at(chunk: i32, night: u8) -> Date {
    Date(chunk * NIGHTS + night as i32)
}

impl Chunk {
    pub fn taken(&self, night: u8) -> u32 {
        self.taken.get(usize::from(night)).copied().unwrap_or(0)
    }

    pub fn set_taken(&mut self, night: u8, taken: u32) {
        let night = usize::from(night);
        if self.taken.len() <= night {
            self.taken.resize(night + 1, 0);
        }
        self.taken[night] = taken;
        while self.taken.last() == Some(&0) {
            self.taken.pop();
        }
    }

    /// The number of rooms, if it differs from the room type's own.
    pub fn rooms(&self, night: u8) -> Option<u32> {
        find(&self.rooms, night)
    }

    pub fn set_rooms(&mut self, night: u8, rooms: Option<u32>) {
        set(&mut self.rooms, night, rooms);
    }

    /// The price that overrides the seasonal price, if there is one.
    pub fn price(&self, plan: RatePlanId, night: u8) -> Option<i64> {
        self.prices.iter().find(|(id, _)| *id == plan).and_then(|(_, prices)| find(prices, night))
    }

    pub fn set_price(&mut self, plan: RatePlanId, night: u8, price: Option<i64>) {
        if let Some((_, prices)) = self.prices.iter_mut().find(|(id, _)| *id == plan) {
            set(prices, night, price);
        } else if let Some(price) = price {
            self.prices.push((plan, vec![(night, price)]));
        }
        self.prices.retain(|(_, prices)| !prices.is_empty());
    }

    pub const fn stop_sell(&self, night: u8) -> bool {
        self.stop_sell >> night & 1 == 1
    }

    pub fn set_stop_sell(&mut self, night: u8, on: bool) {
        set_bit(&mut self.stop_sell, night, on);
    }

    pub const fn closed_to_arrival(&self, night: u8) -> bool {
        self.closed_to_arrival >> night & 1 == 1
    }

    pub fn set_closed_to_arrival(&mut self, night: u8, on: bool) {
        set_bit(&mut self.closed_to_arrival, night, on);
    }

    pub const fn closed_to_departure(&self, night: u8) -> bool {
        self.closed_to_departure >> night & 1 == 1
    }

    pub fn set_closed_to_departure(&mut self, night: u8, on: bool) {
        set_bit(&mut self.closed_to_departure, night, on);
    }

    /// The minimum stay of guests who arrive on this day, in nights; 0 and 1 are no restriction.
    pub fn min_stay(&self, night: u8) -> u8 {
        find(&self.min_stay, night).unwrap_or(0)
    }

    pub fn set_min_stay(&mut self, night: u8, nights: u8) {
        set(&mut self.min_stay, night, Some(nights).filter(|nights| *nights > 1));
    }

    /// Whether the row is equivalent to an absent one.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A night in the form that search uses.
    pub fn night(&self, night: u8) -> Night {
        let price =
            |(plan, prices): &(RatePlanId, Vec<(u8, i64)>)| find(prices, night).map(|price| (*plan, price));
        Night {
            rooms: self.rooms(night),
            taken: self.taken(night),
            prices: self.prices.iter().filter_map(price).collect(),
            stop_sell: self.stop_sell(night),
            min_stay: self.min_stay(night),
            closed_to_arrival: self.closed_to_arrival(night),
            closed_to_departure: self.closed_to_departure(night),
        }
    }
}

fn find<T: Copy>(pairs: &[(u8, T)], night: u8) -> Option<T> {
    pairs.binary_search_by_key(&night, |(at, _)| *at).ok().map(|index| pairs[index].1)
}

fn set<T>(pairs: &mut Vec<(u8, T)>, night: u8, value: Option<T>) {
    match (pairs.binary_search_by_key(&night, |(at, _)| *at), value) {
        (Ok(index), Some(value)) => pairs[index].1 = value,
        (Ok(index), None) => {
            pairs.remove(index);
        }
        (Err(index), Some(value)) => pairs.insert(index, (night, value)),
        (Err(_), None) => {}
    }
}

fn set_bit(bits: &mut u32, night: u8, on: bool) {
    if on {
        *bits |= 1 << night;
    } else {
        *bits &= !(1 << night);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_night_before_and_after_1970_has_one_index() {
        for (night, expected) in
            [(0, (0, 0)), (31, (0, 31)), (32, (1, 0)), (-1, (-1, 31)), (20_780, (649, 12))]
        {
            let (chunk, index) = place(Date(night));
            assert_eq!((chunk, index), expected);
            assert_eq!(night_at(chunk, index), Date(night));
        }
    }

    #[test]
    fn a_row_is_empty_once_all_values_are_reset() {
        let plan = RatePlanId(7);
        let mut chunk = Chunk::default();
        for night in [31, 0, 5] {
            chunk.set_taken(night, 2);
            chunk.set_rooms(night, Some(0));
            chunk.set_price(plan, night, Some(10));
            chunk.set_stop_sell(night, true);
            chunk.set_closed_to_arrival(night, true);
            chunk.set_closed_to_departure(night, true);
            chunk.set_min_stay(night, 3);
        }
        let full = Night {
            rooms: Some(0),
            taken: 2,
            prices: vec![(plan, 10)],
            stop_sell: true,
            min_stay: 3,
            closed_to_arrival: true,
            closed_to_departure: true,
        };
        for night in 0..32 {
            assert_eq!(
                chunk.night(night),
                if [31, 0, 5].contains(&night) { full.clone() } else { Night::default() }
            );
        }
        for night in [0, 31, 5] {
            chunk.set_taken(night, 0);
            chunk.set_rooms(night, None);
            chunk.set_price(plan, night, None);
            chunk.set_stop_sell(night, false);
            chunk.set_closed_to_arrival(night, false);
            chunk.set_closed_to_departure(night, false);
            chunk.set_min_stay(night, 1);
        }
        assert!(chunk.is_empty());
    }

    #[test]
    fn a_row_of_held_rooms_is_small() {
        let mut chunk = Chunk::default();
        for night in 0..32 {
            chunk.set_taken(night, 3);
        }
        assert!(protocol::codec::encode(&chunk).len() <= 48);
    }
}
