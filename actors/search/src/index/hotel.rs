//! A hotel with the data that queries and lists need. The rest is in the store.

use std::sync::Arc;

use contracts::search::{Night, Position, Sort};
use contracts::{
    Cancellation, Currency, Date, HotelId, HotelProfile, RatePlanId, RoomTypeId, RoomTypeProfile, Season,
    TaxRule, pricing,
};
use jiff::tz::TimeZone;

use super::amenities::AmenityBits;
use super::calendar::Calendar;
use super::stay_query::{self, StayQuery};
use gazetteer::{CityRecord, Rank, metres_between};

/// The number of room sizes for price floors: rooms for one, two, and three or more guests.
pub(crate) const SIZES: usize = 3;

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
    /// The amenities as bits of [`AmenityBits`].
    pub amenity_bits: u128,
    pub demo: bool,
    /// The room types that are sold, in the owner's order.
    pub rooms: Vec<Room>,
    /// By the minimum number of guests (from 1 to [`SIZES`]) and by month: a lower bound of the price of a night with taxes.
    /// `i64::MAX` if there is no such room.
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
    /// The rate plans that are sold, at least one, by price and then in the owner's order. The season applies to all alike.
    pub plans: Vec<Plan>,
    /// The price of a night on the cheapest weekday of the cheapest month.
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

/// The cheapest offer for a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheapestOffer {
    pub room: usize,
    pub plan: usize,
    /// The sum for all nights and rooms, without taxes that are added.
    pub nightly: i64,
    pub total: i64,
    /// The number of rooms available on every night.
    pub left: u32,
}

impl Hotel {
    /// A hotel with empty calendars.
    pub fn new(profile: &HotelProfile, place: &CityRecord, amenities: &mut AmenityBits) -> Self {
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
            amenity_bits: amenities.add(&profile.amenities),
            demo: profile.demo,
            rooms: profile.room_types.iter().filter_map(|room| Room::new(room, profile.currency)).collect(),
            floors: [[0; 12]; SIZES],
        };
        hotel.update_floors();
        hotel
    }

    /// Its position in an order; none for the order by price, which depends on the stay.
    pub fn position(&self, sort: Sort) -> Option<Position> {
        let key = match sort {
            Sort::Price => return None,
            Sort::Rating => -i64::from(self.rating_tenths),
            Sort::Distance => i64::from(self.distance_metres),
            Sort::Recommended => -self.score(),
        };
        Some(Position { group: 0, key, hotel: self.id })
    }

    /// The score of the recommended order: a tenth of a rating is equivalent to 400 m of distance, a star to three tenths.
    /// Distances beyond 16 km are equal. Hotels without a rating count as average ones.
    fn score(&self) -> i64 {
        const UNRATED_TENTHS: i64 = 70;
        let rating = if self.rating_tenths == 0 { UNRATED_TENTHS } else { i64::from(self.rating_tenths) };
        rating * 10 + i64::from(self.stars) * 30 - i64::from(self.distance_metres / 40).min(400)
    }

    /// The cheapest available offer for a stay.
    pub fn cheapest(&self, query: &StayQuery) -> Option<CheapestOffer> {
        let mut best: Option<CheapestOffer> = None;
        for (place, room) in self.rooms.iter().enumerate() {
            if let Some((nightly, plan, left)) = room.cheapest(query, self.currency)
                && best.is_none_or(|best| nightly < best.nightly)
            {
                best = Some(CheapestOffer { room: place, plan, nightly, total: 0, left });
            }
        }
        let best = best?;
        Some(CheapestOffer { total: pricing::total(best.nightly, &self.taxes, self.currency), ..best })
    }

    /// The lowest seasonal price of rooms for these guests for one night; none if no room type fits.
    pub fn from(&self, guests: u32, rooms: u32) -> Option<i64> {
        let fitting = self.rooms.iter().filter(|room| room.takes(guests, rooms));
        let from = fitting.map(|room| room.from).min()?;
        Some(pricing::total(from.saturating_mul(i64::from(rooms)), &self.taxes, self.currency))
    }

    /// Sets a night. Returns whether its prices have changed. Ignored for room types that are not sold.
    pub fn set_night(&mut self, room_type: RoomTypeId, date: Date, night: &Night) -> bool {
        self.room(room_type).is_some_and(|room| room.calendar.set(date, night))
    }

    /// Removes past nights. Returns whether prices have changed.
    pub fn forget(&mut self, room_type: RoomTypeId, before: Date) -> bool {
        self.room(room_type).is_some_and(|room| room.calendar.forget(before))
    }

    /// Computes [`Hotel::floors`].
    pub fn update_floors(&mut self) {
        // Rounded down here, while taxes are rounded half up on the sum: see `ROUNDING` in `city`.
        let rate: u64 =
            self.taxes.iter().filter(|tax| !tax.included).map(|tax| u64::from(tax.basis_points)).sum();
        let taxed = |floor: i64| {
            i64::try_from(i128::from(floor) * i128::from(10_000 + rate) / 10_000).unwrap_or(i64::MAX)
        };
        for (floors, sleeps) in self.floors.iter_mut().zip(1..) {
            *floors = [i64::MAX; 12];
            for room in self.rooms.iter().filter(|room| room.sleeps >= sleeps) {
                room.lower(floors, self.currency);
            }
            *floors = floors.map(taxed);
        }
    }

    fn room(&mut self, room_type: RoomTypeId) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.id == room_type)
    }
}

impl Room {
    fn new(profile: &RoomTypeProfile, currency: Currency) -> Option<Self> {
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
        let from = stay_query::night_price(
            plans.first()?.amount,
            least(&profile.season.months),
            least(&profile.season.weekdays),
            currency,
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

    /// Lowers the floor of each month to the lowest price of this room.
    fn lower(&self, floors: &mut [i64; 12], currency: Currency) {
        let weekday = self.season.weekdays.iter().min().copied().unwrap_or(0);
        for (floor, month) in floors.iter_mut().zip(self.season.months) {
            *floor = (*floor).min(stay_query::night_price(self.plans[0].amount, month, weekday, currency));
        }
        for entry in self.calendar.all().iter().filter(|entry| !entry.prices.is_empty()) {
            let floor = &mut floors[Date(entry.day).month0()];
            *floor =
                entry.prices.iter().fold(*floor, |floor, (_, price)| floor.min(rounded(*price, currency)));
        }
    }

    fn takes(&self, guests: u32, rooms: u32) -> bool {
        self.sleeps * rooms >= guests
    }

    /// The price for all nights and rooms, the index of the cheapest rate plan, and the number of rooms left; none if the room
    /// type is not available.
    fn cheapest(&self, query: &StayQuery, currency: Currency) -> Option<(i64, usize, u32)> {
        if !self.takes(query.guests, query.rooms) {
            return None;
        }
        let entries = self.calendar.between(query.check_in, query.check_out);
        let (mut left, mut plain, mut priced) = (u32::MAX, query.nights, false);
        for entry in entries {
            if entry.day == query.check_out {
                if entry.closed_to_departure {
                    return None;
                }
                continue;
            }
            let arrival = entry.day == query.check_in;
            if entry.stop_sell
                || arrival && (entry.closed_to_arrival || u32::from(entry.min_stay) > query.nights)
            {
                return None;
            }
            left = left.min(entry.rooms.unwrap_or(self.rooms).saturating_sub(entry.taken));
            plain -= 1;
            priced |= !entry.prices.is_empty();
        }
        if plain > 0 {
            left = left.min(self.rooms);
        }
        if left < query.rooms {
            return None;
        }
        let rooms = i64::from(query.rooms);
        if !priced {
            let sum = query.by_season(self.plans[0].amount, &self.season, currency);
            return Some((sum.saturating_mul(rooms), 0, left));
        }
        let plans = self.plans.iter().enumerate();
        let sums = plans.map(|(place, plan)| (self.with_prices(query, plan, currency), place));
        sums.min().map(|(sum, place)| (sum.saturating_mul(rooms), place, left))
    }

    /// The price of all nights under a rate plan, with calendar prices.
    fn with_prices(&self, query: &StayQuery, plan: &Plan, currency: Currency) -> i64 {
        let entries = self.calendar.between(query.check_in, query.check_out - 1);
        let own = entries.iter().filter_map(|entry| {
            let price = rounded(entry.prices.iter().find(|(id, _)| *id == plan.id)?.1, currency);
            let night = Date(entry.day);
            let season = stay_query::night_price(
                plan.amount,
                self.season.months[night.month0()],
                self.season.weekdays[night.weekday0()],
                currency,
            );
            Some((price, season))
        });
        let sum = i128::from(query.by_season(plan.amount, &self.season, currency));
        let sum = own.fold(sum, |sum, (price, season)| sum + i128::from(price) - i128::from(season));
        i64::try_from(sum).unwrap_or(i64::MAX)
    }
}

/// A price of the calendar, as `contracts::pricing::night_price` rounds it.
fn rounded(price: i64, currency: Currency) -> i64 {
    pricing::round(price.into(), 1, currency)
}
