//! The orders of a city's hotels. With them, the cost of a page does not depend on the number of hotels.

use std::collections::{BTreeMap, BinaryHeap};

use contracts::Currency;
use contracts::search::{Position, Sort};

use super::hotel::{CheapestOffer, Hotel, SIZES};
use super::stay_query::StayQuery;

/// A hotel in a list: its number and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedHotel {
    pub position: Position,
    pub number: u32,
    /// The cheapest offer; none without a stay.
    pub offer: Option<CheapestOffer>,
}

/// The active hotels of a city.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CityHotels {
    recommended: Vec<(Position, u32)>,
    rating: Vec<(Position, u32)>,
    distance: Vec<(Position, u32)>,
    /// By room size and month: the lowest price of a night for each hotel with such rooms.
    floors: [[Vec<(i64, u32)>; 12]; SIZES],
    currencies: BTreeMap<Currency, u32>,
}

impl CityHotels {
    /// The number of hotels.
    pub fn count(&self) -> u32 {
        self.recommended.len() as u32
    }

    pub(super) fn insert(&mut self, hotel: &Hotel, number: u32) {
        for sort in FIXED {
            let (order, position) = self.order(hotel, sort);
            let entry = (position, number);
            if let Err(place) = order.binary_search(&entry) {
                order.insert(place, entry);
            }
        }
        for (order, entry) in self.floor_entries(hotel, number) {
            if let Err(place) = order.binary_search(&entry) {
                order.insert(place, entry);
            }
        }
        *self.currencies.entry(hotel.currency).or_default() += 1;
    }

    pub(super) fn remove(&mut self, hotel: &Hotel, number: u32) {
        for sort in FIXED {
            let (order, position) = self.order(hotel, sort);
            if let Ok(place) = order.binary_search(&(position, number)) {
                order.remove(place);
            }
        }
        for (order, entry) in self.floor_entries(hotel, number) {
            if let Ok(place) = order.binary_search(&entry) {
                order.remove(place);
            }
        }
        if let Some(count) = self.currencies.get_mut(&hotel.currency) {
            *count -= 1;
            if *count == 0 {
                self.currencies.remove(&hotel.currency);
            }
        }
    }

    /// The floor lists that contain a hotel, and its entry in each. Hotels without rooms of a size are not in the lists of that
    /// size.
    fn floor_entries(
        &mut self,
        hotel: &Hotel,
        number: u32,
    ) -> impl Iterator<Item = (&mut Vec<(i64, u32)>, (i64, u32))> {
        let floors = hotel.floors;
        let orders = self.floors.iter_mut().flatten().zip(floors.into_iter().flatten());
        orders.filter(|(_, floor)| *floor < i64::MAX).map(move |(order, floor)| (order, (floor, number)))
    }

    fn order(&mut self, hotel: &Hotel, sort: Sort) -> (&mut Vec<(Position, u32)>, Position) {
        let position = hotel.position(sort).expect("an order that does not depend on dates");
        let order = match sort {
            Sort::Rating => &mut self.rating,
            Sort::Distance => &mut self.distance,
            Sort::Recommended | Sort::Price => &mut self.recommended,
        };
        (order, position)
    }

    /// Hotels in an order that does not depend on the stay, after a position.
    pub fn walk(&self, sort: Sort, after: Option<Position>) -> impl Iterator<Item = (Position, u32)> {
        let order = match sort {
            Sort::Rating => &self.rating,
            Sort::Distance => &self.distance,
            Sort::Recommended | Sort::Price => &self.recommended,
        };
        let from = after.map_or(0, |after| order.partition_point(|(position, _)| *position <= after));
        order[from..].iter().copied()
    }

    /// 0 for the currency of most hotels in the city, else a number derived from the currency.
    pub fn group_of(&self, currency: Currency) -> u32 {
        let usual = self.currencies.iter().max_by_key(|(code, count)| (**count, std::cmp::Reverse(**code)));
        if usual.is_none_or(|(usual, _)| *usual == currency) {
            return 0;
        }
        currency.code().bytes().fold(0, |number, letter| number << 8 | u32::from(letter))
    }

    /// The `count` cheapest hotels after a position, of those for which `priced` returns a total.
    ///
    /// With a stay, hotels are visited in the order of their lowest price in the month with most nights. The search ends when
    /// the resulting lower bound exceeds the totals found so far.
    pub fn cheapest(
        &self,
        query: Option<&StayQuery>,
        count: usize,
        after: Option<Position>,
        price_max: Option<i64>,
        priced: impl Fn(u32) -> Option<ListedHotel>,
    ) -> Vec<ListedHotel> {
        let mut heap = Cheapest { count, after, heap: BinaryHeap::with_capacity(count + 1) };
        match query.filter(|_| self.currencies.len() == 1) {
            None => self.recommended.iter().for_each(|(_, number)| heap.offer(priced(*number))),
            Some(query) => {
                let nights = query.nights_by_month();
                let most = (0..12).max_by_key(|month| nights[*month]).unwrap_or(0);
                let sleeps = query.guests.div_ceil(query.rooms).clamp(1, SIZES as u32);
                let floors = &self.floors[sleeps as usize - 1];
                let increment = self.currencies.keys().next().map_or(1, |usual| usual.rounding_increment());
                let least = |month: usize| floors[month].first().map_or(0, |(floor, _)| *floor);
                let elsewhere = (0..12).filter(|month| *month != most && nights[*month] > 0);
                let rest = elsewhere
                    .fold(0i64, |sum, month| sum.saturating_add(least(month).saturating_mul(nights[month])));
                for (floor, number) in &floors[most] {
                    let nightly = floor.saturating_mul(nights[most]).saturating_add(rest);
                    let bound =
                        nightly.saturating_mul(i64::from(query.rooms)).saturating_sub(ROUNDING * increment);
                    if bound > heap.worst().min(price_max.unwrap_or(i64::MAX)) {
                        break;
                    }
                    heap.offer(priced(*number));
                }
            }
        }
        heap.sorted()
    }

    /// Checks that the orders contain exactly these hotels.
    pub fn violations(&self, hotels: &[(&Hotel, u32)]) -> Vec<String> {
        let mut expected = Self::default();
        for (hotel, number) in hotels {
            expected.insert(hotel, *number);
        }
        if *self == expected {
            Vec::new()
        } else {
            vec!["the orders of a city are not those of its hotels".into()]
        }
    }
}

/// Orders that do not depend on the stay.
const FIXED: [Sort; 3] = [Sort::Recommended, Sort::Rating, Sort::Distance];

/// The maximum difference by which a total may be below its floors, in rounding increments of the currency: each tax is
/// rounded once, by up to half an increment.
const ROUNDING: i64 = 64;

/// The cheapest hotels so far.
struct Cheapest {
    count: usize,
    after: Option<Position>,
    heap: BinaryHeap<ByPosition>,
}

impl Cheapest {
    fn offer(&mut self, listed: Option<ListedHotel>) {
        let behind = |listed: &ListedHotel| self.after.is_none_or(|after| listed.position > after);
        let Some(listed) = listed.filter(behind) else { return };
        if self.heap.len() < self.count {
            self.heap.push(ByPosition(listed));
        } else if self.heap.peek().is_some_and(|worst| listed.position < worst.0.position) {
            self.heap.pop();
            self.heap.push(ByPosition(listed));
        }
    }

    /// The greatest total that is still among the cheapest.
    fn worst(&self) -> i64 {
        let worst = self.heap.peek().filter(|_| self.heap.len() >= self.count);
        worst.map_or(i64::MAX, |worst| worst.0.position.key)
    }

    fn sorted(self) -> Vec<ListedHotel> {
        let mut found: Vec<ListedHotel> = self.heap.into_iter().map(|entry| entry.0).collect();
        found.sort_unstable_by_key(|listed| listed.position);
        found
    }
}

/// Ordered by position, greatest first.
struct ByPosition(ListedHotel);

impl PartialEq for ByPosition {
    fn eq(&self, other: &Self) -> bool {
        self.0.position == other.0.position
    }
}

impl Eq for ByPosition {}

impl PartialOrd for ByPosition {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByPosition {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.position.cmp(&other.0.position)
    }
}
