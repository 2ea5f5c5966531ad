//! A hotel, as far as deciding on it and listing it needs: the rest stays in the store.

use std::sync::Arc;

use contracts::search::{Night, Place as Position, Sort};
use contracts::{
    Cancellation, Currency, Date, HotelId, HotelProfile, RatePlanId, RoomTypeId, RoomTypeProfile, Season,
    TaxRule, pricing,
};
use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::price::{self, Wanted};
use super::words::Words;
use crate::cities::{Place, Rank, metres_between};

/// Rooms for one, for two, and for three or more are told apart when the cheapest hotels are looked for.
pub(crate) const SIZES: usize = 3;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hotel {
    pub id: HotelId,
    pub active: bool,
    pub city: Rank,
    pub stars: u8,
    pub rating_tenths: u8,
    pub distance_metres: u32,
    pub latitude: f64,
    pub longitude: f64,
    pub currency: Currency,
    pub taxes: Vec<TaxRule>,
    pub name: Arc<str>,
    pub address: Arc<str>,
    pub time_zone: Arc<str>,
    pub zone: TimeZone,
    pub photos: Arc<[String]>,
    pub amenities: Arc<[String]>,
    /// The amenities as bits of [`Words`].
    pub words: u128,
    pub demo: bool,
    /// What is sold, in the owner's order.
    pub rooms: Vec<Room>,
    /// By the least that a room must sleep (from 1 to [`SIZES`]) and by month: no night of such a room costs less, taxes
    /// included. Greater than any price where there is no such room.
    pub floors: [[i64; 12]; SIZES],
}

/// A room type that is sold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Room {
    pub id: RoomTypeId,
    pub name: Arc<str>,
    pub sleeps: u32,
    pub rooms: u32,
    pub season: Season,
    /// What is sold, cheapest first, then in the owner's order; at least one. A season moves all of them alike.
    pub plans: Vec<Plan>,
    /// What a night costs on the cheapest weekday of the cheapest month.
    pub from: i64,
    calendar: Calendar,
}

/// A rate plan that is sold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub id: RatePlanId,
    pub name: Arc<str>,
    pub amount: i64,
    pub cancellation: Cancellation,
}

/// The cheapest way to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picked {
    pub room: usize,
    pub plan: usize,
    /// Of all nights and rooms, without taxes that come on top.
    pub nightly: i64,
    pub total: i64,
    /// Rooms free on each night.
    pub left: u32,
}

impl Hotel {
    /// A hotel without anything particular about its nights.
    pub fn new(profile: &HotelProfile, place: &Place, words: &mut Words) -> Self {
        let metres = metres_between((place.latitude, place.longitude), (profile.latitude, profile.longitude));
        let mut hotel = Self {
            id: profile.id,
            active: profile.active,
            city: place.rank,
            stars: profile.stars,
            rating_tenths: profile.rating_tenths,
            distance_metres: metres.round() as u32,
            latitude: profile.latitude,
            longitude: profile.longitude,
            currency: profile.currency,
            taxes: profile.taxes.clone(),
            name: profile.name.as_str().into(),
            address: profile.address.as_str().into(),
            time_zone: profile.time_zone.as_str().into(),
            zone: TimeZone::get(&profile.time_zone).unwrap_or(TimeZone::UTC),
            photos: profile.photos.clone().into(),
            amenities: profile.amenities.clone().into(),
            words: words.learn(&profile.amenities),
            demo: profile.demo,
            rooms: profile.room_types.iter().filter_map(Room::new).collect(),
            floors: [[0; 12]; SIZES],
        };
        hotel.find_floors();
        hotel
    }

    /// Its place in an order that does not depend on dates; none for the order of prices, which does.
    pub fn position(&self, sort: Sort) -> Option<Position> {
        let key = match sort {
            Sort::Price => return None,
            Sort::Rating => -i64::from(self.rating_tenths),
            Sort::Distance => i64::from(self.distance_metres),
            Sort::Recommended => -self.score(),
        };
        Some(Position { group: 0, key, hotel: self.id })
    }

    /// A tenth of a rating is worth as much as 400 m to the centre, a star as much as three; beyond 16 km it is all the
    /// same. A hotel that nobody has rated yet counts as a fair one.
    fn score(&self) -> i64 {
        const UNRATED_TENTHS: i64 = 70;
        let rating = if self.rating_tenths == 0 { UNRATED_TENTHS } else { i64::from(self.rating_tenths) };
        rating * 10 + i64::from(self.stars) * 30 - i64::from(self.distance_metres / 40).min(400)
    }

    /// The cheapest room type and rate plan that can be had for a stay.
    pub fn cheapest(&self, wanted: &Wanted) -> Option<Picked> {
        let mut best: Option<Picked> = None;
        for (place, room) in self.rooms.iter().enumerate() {
            if let Some((nightly, plan, left)) = room.cheapest(wanted)
                && best.is_none_or(|best| nightly < best.nightly)
            {
                best = Some(Picked { room: place, plan, nightly, total: 0, left });
            }
        }
        let best = best?;
        Some(Picked { total: pricing::total(best.nightly, &self.taxes), ..best })
    }

    /// The least that a night costs in rooms that take so many, going by seasons; none when no room type does.
    pub fn from(&self, guests: u32, rooms: u32) -> Option<i64> {
        let fitting = self.rooms.iter().filter(|room| room.takes(guests, rooms));
        let from = fitting.map(|room| room.from).min()?;
        Some(pricing::total(from.saturating_mul(i64::from(rooms)), &self.taxes))
    }

    /// Sets what is particular about a night; whether that touched its prices. A room type that is not sold has no nights.
    pub fn set_night(&mut self, room_type: RoomTypeId, date: Date, night: &Night) -> bool {
        self.room(room_type).is_some_and(|room| room.calendar.set(date, night))
    }

    /// Drops nights before; whether that touched prices.
    pub fn forget(&mut self, room_type: RoomTypeId, before: Date) -> bool {
        self.room(room_type).is_some_and(|room| room.calendar.forget(before))
    }

    /// Works out [`Hotel::floors`].
    pub fn find_floors(&mut self) {
        // Rounded down here, while taxes are rounded half up on the whole: `city` allows for that.
        let rate: u64 =
            self.taxes.iter().filter(|tax| !tax.included).map(|tax| u64::from(tax.basis_points)).sum();
        let taxed = |floor: i64| {
            i64::try_from(i128::from(floor) * i128::from(10_000 + rate) / 10_000).unwrap_or(i64::MAX)
        };
        for (floors, sleeps) in self.floors.iter_mut().zip(1..) {
            *floors = [i64::MAX; 12];
            for room in self.rooms.iter().filter(|room| room.sleeps >= sleeps) {
                room.lower(floors);
            }
            *floors = floors.map(taxed);
        }
    }

    fn room(&mut self, room_type: RoomTypeId) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.id == room_type)
    }
}

impl Room {
    fn new(profile: &RoomTypeProfile) -> Option<Self> {
        let sold = profile.rate_plans.iter().filter(|plan| plan.active);
        let mut plans: Vec<Plan> = sold
            .map(|plan| Plan {
                id: plan.id,
                name: plan.name.as_str().into(),
                amount: plan.amount,
                cancellation: plan.cancellation,
            })
            .collect();
        plans.sort_by_key(|plan| plan.amount);
        let least = |factors: &[u16]| factors.iter().min().copied().unwrap_or(0);
        let from = price::night(
            plans.first()?.amount,
            least(&profile.season.months),
            least(&profile.season.weekdays),
        );
        profile.active.then(|| Self {
            id: profile.id,
            name: profile.name.as_str().into(),
            sleeps: u32::from(profile.sleeps),
            rooms: profile.rooms,
            season: profile.season.clone(),
            plans,
            from,
            calendar: Calendar::default(),
        })
    }

    /// Lowers each month's floor to the least that a night of this room costs in it.
    fn lower(&self, floors: &mut [i64; 12]) {
        let weekday = self.season.weekdays.iter().min().copied().unwrap_or(0);
        for (floor, month) in floors.iter_mut().zip(self.season.months) {
            *floor = (*floor).min(price::night(self.plans[0].amount, month, weekday));
        }
        for deviation in self.calendar.all().iter().filter(|deviation| !deviation.prices.is_empty()) {
            let floor = &mut floors[Date(deviation.day).month0()];
            *floor = deviation.prices.iter().fold(*floor, |floor, (_, price)| floor.min(*price));
        }
    }

    fn takes(&self, guests: u32, rooms: u32) -> bool {
        self.sleeps * rooms >= guests
    }

    /// What all nights and rooms cost under the cheapest plan, which plan that is, and how many rooms are left; none
    /// when the room type cannot be had.
    fn cheapest(&self, wanted: &Wanted) -> Option<(i64, usize, u32)> {
        if !self.takes(wanted.guests, wanted.rooms) {
            return None;
        }
        let deviations = self.calendar.between(wanted.check_in, wanted.check_out);
        let (mut left, mut plain, mut priced) = (u32::MAX, wanted.nights, false);
        for deviation in deviations {
            if deviation.day == wanted.check_out {
                if deviation.closed_to_departure {
                    return None;
                }
                continue;
            }
            let arrival = deviation.day == wanted.check_in;
            if deviation.stop_sell
                || arrival && (deviation.closed_to_arrival || u32::from(deviation.min_stay) > wanted.nights)
            {
                return None;
            }
            left = left.min(deviation.rooms.unwrap_or(self.rooms).saturating_sub(deviation.taken));
            plain -= 1;
            priced |= !deviation.prices.is_empty();
        }
        if plain > 0 {
            left = left.min(self.rooms);
        }
        if left < wanted.rooms {
            return None;
        }
        let rooms = i64::from(wanted.rooms);
        if !priced {
            let sum = wanted.by_season(self.plans[0].amount, &self.season);
            return Some((sum.saturating_mul(rooms), 0, left));
        }
        let sums = self.plans.iter().enumerate().map(|(place, plan)| (self.with_prices(wanted, plan), place));
        sums.min().map(|(sum, place)| (sum.saturating_mul(rooms), place, left))
    }

    /// What the nights cost under a plan when some have prices of their own.
    fn with_prices(&self, wanted: &Wanted, plan: &Plan) -> i64 {
        let deviations = self.calendar.between(wanted.check_in, wanted.check_out - 1);
        let own = deviations.iter().filter_map(|deviation| {
            let price = deviation.prices.iter().find(|(id, _)| *id == plan.id)?.1;
            let night = Date(deviation.day);
            let season = price::night(
                plan.amount,
                self.season.months[night.month0()],
                self.season.weekdays[night.weekday0()],
            );
            Some((price, season))
        });
        let sum = i128::from(wanted.by_season(plan.amount, &self.season));
        let sum = own.fold(sum, |sum, (price, season)| sum + i128::from(price) - i128::from(season));
        i64::try_from(sum).unwrap_or(i64::MAX)
    }
}
