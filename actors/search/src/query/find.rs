//! Hotels of a city that suit a guest, page by page.

use contracts::reservations::CHECK_IN_HOUR;
use contracts::reservations::Settings;
use contracts::search::{FindHotels, FoundHotel, FoundHotels, FoundOffer, Place as Position, Refusal, Sort};
use contracts::{Date, Stay};
use jiff::tz::TimeZone;
use protocol::Timestamp;

use super::{LIMIT_MAX, city, place};
use crate::cities::Cities;
use crate::index::{CityHotels, Hotel, Index, Listed, Picked, Wanted};

pub(super) fn find(
    now: Timestamp,
    index: &Index,
    cities: &Cities,
    sought: &FindHotels,
) -> Result<FoundHotels, Refusal> {
    let place = place(cities, &sought.city)?;
    let city = city(index, &place);
    let nothing = FoundHotels { city: city.clone(), hotels: Vec::new(), next: None, as_of: index.as_of };
    if let Some(stay) = sought.stay {
        let today = today(place.time_zone, now);
        if stay.check_in() < today {
            return Err(Refusal::StayInThePast { today });
        }
        // As far as reservations sell, unless its operator has set another horizon: what is a little beyond that one is
        // then listed here and refused there.
        let ahead = Settings::default().horizon_days;
        if stay.check_out().0 > today.0.saturating_add_unsigned(ahead) {
            return Ok(nothing);
        }
    }
    let Some(hotels) = index.city(place.rank) else { return Ok(nothing) };
    let limit = usize::from(sought.limit.clamp(1, LIMIT_MAX));
    let mut listed = Sieve::new(index, hotels, sought).page(limit + 1);
    let more = listed.len() > limit;
    listed.truncate(limit);
    let next = listed.last().filter(|_| more).map(|last| last.position);
    let mut deadlines = Deadlines { now, known: None };
    let mut found =
        |listed: &Listed| found(index.numbered(listed.number), listed.picked, sought, &mut deadlines);
    Ok(FoundHotels { city, hotels: listed.iter().map(&mut found).collect(), next, as_of: index.as_of })
}

/// The local date.
fn today(zone: &str, now: Timestamp) -> Date {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let now = jiff::Timestamp::from_millisecond(now.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_datetime(now).date().into()
}

/// What a hotel must be to be listed.
struct Sieve<'a> {
    index: &'a Index,
    hotels: &'a CityHotels,
    sought: &'a FindHotels,
    wanted: Option<Wanted>,
    /// Bit n: n stars will do.
    stars: u8,
    words: u128,
    other_words: Vec<String>,
}

impl<'a> Sieve<'a> {
    fn new(index: &'a Index, hotels: &'a CityHotels, sought: &'a FindHotels) -> Self {
        let asked = index.words().asked(&sought.amenities);
        let stars = sought.stars.iter().filter(|stars| **stars < 8).fold(0, |bits, stars| bits | 1 << stars);
        let (guests, rooms) = (u32::from(sought.guests.max(1)), u32::from(sought.rooms.max(1)));
        Self {
            index,
            hotels,
            sought,
            wanted: sought.stay.map(|stay: Stay| Wanted::new(stay, guests, rooms)),
            stars: if sought.stars.is_empty() { u8::MAX } else { stars },
            words: asked.bits,
            other_words: asked.others,
        }
    }

    /// The first `count` hotels behind the place that was given.
    fn page(&self, count: usize) -> Vec<Listed> {
        let after = self.sought.after;
        match self.sought.sort {
            Sort::Price => {
                let by_price = |number| {
                    let (price, picked) = self.pass(number)?;
                    let hotel = self.index.numbered(number);
                    let group = self.hotels.group_of(hotel.currency);
                    Some(Listed { position: Position { group, key: price, hotel: hotel.id }, number, picked })
                };
                self.hotels.cheapest(self.wanted.as_ref(), count, after, self.sought.price_max, by_price)
            }
            Sort::Recommended | Sort::Rating | Sort::Distance => {
                let passing = self.hotels.walk(self.sought.sort, after).filter_map(|(position, number)| {
                    let (_, picked) = self.pass(number)?;
                    Some(Listed { position, number, picked })
                });
                passing.take(count).collect()
            }
        }
    }

    /// The price by which a hotel is compared, and the cheapest way to stay; none when it does not suit.
    fn pass(&self, number: u32) -> Option<(i64, Option<Picked>)> {
        let hotel = self.index.numbered(number);
        let suits = 1u8.checked_shl(u32::from(hotel.stars)).is_some_and(|bit| self.stars & bit != 0)
            && hotel.words & self.words == self.words
            && self.other_words.iter().all(|word| hotel.amenities.contains(word));
        if !suits {
            return None;
        }
        let (price, picked) = match &self.wanted {
            Some(wanted) => hotel.cheapest(wanted).map(|picked| (picked.total, Some(picked)))?,
            None => (from(hotel, self.sought)?, None),
        };
        let dear = self.sought.price_max.is_some_and(|most| price > most);
        let cheap = self.sought.price_min.is_some_and(|least| price < least);
        (!dear && !cheap).then_some((price, picked))
    }
}

/// The least that a night costs for so many guests and rooms.
fn from(hotel: &Hotel, sought: &FindHotels) -> Option<i64> {
    hotel.from(u32::from(sought.guests.max(1)), u32::from(sought.rooms.max(1)))
}

fn found(
    hotel: &Hotel,
    picked: Option<Picked>,
    sought: &FindHotels,
    deadlines: &mut Deadlines,
) -> FoundHotel {
    let offer = picked.zip(sought.stay).map(|(picked, stay)| {
        let room = &hotel.rooms[picked.room];
        let plan = &room.plans[picked.plan];
        FoundOffer {
            room_type: room.id,
            room_type_name: room.name.clone(),
            rate_plan: plan.id,
            rate_plan_name: plan.name.clone(),
            nightly: picked.nightly,
            total: picked.total,
            rooms_left: picked.left,
            free_cancellation_until: plan
                .cancellation
                .free_until_hours
                .and_then(|hours| deadlines.of(&hotel.zone, stay.check_in(), hours)),
        }
    });
    FoundHotel {
        id: hotel.id,
        name: hotel.name.clone(),
        address: hotel.address.clone(),
        stars: hotel.stars,
        rating_tenths: hotel.rating_tenths,
        distance_metres: hotel.distance_metres,
        latitude: hotel.latitude,
        longitude: hotel.longitude,
        time_zone: hotel.time_zone.clone(),
        amenities: hotel.amenities.clone(),
        photos: hotel.photos.clone(),
        currency: hotel.currency,
        from: from(hotel, sought).unwrap_or_default(),
        offer,
        demo: hotel.demo,
    }
}

/// Instants until which cancelling is free. The hotels of a page are nearly always in one zone, so the last check-in is
/// remembered.
struct Deadlines {
    now: Timestamp,
    known: Option<(TimeZone, Timestamp)>,
}

impl Deadlines {
    fn of(&mut self, zone: &TimeZone, check_in: Date, hours: u32) -> Option<Timestamp> {
        let start = match &self.known {
            Some((known, start)) if known == zone => *start,
            _ => {
                let start = zone.to_timestamp(check_in.civil().at(CHECK_IN_HOUR, 0, 0, 0)).ok()?;
                let start = Timestamp(start.as_millisecond());
                self.known = Some((zone.clone(), start));
                start
            }
        };
        Some(start.plus_secs(-3600 * i64::from(hours))).filter(|deadline| *deadline > self.now)
    }
}
