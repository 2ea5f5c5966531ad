//! Finds hotels of a city, page by page.

use contracts::reservations::{CHECK_IN_HOUR, Settings, check_party};
use contracts::search::{FindHotels, FoundHotel, FoundHotels, FoundOffer, Position, Refusal, Sort};
use contracts::{Date, Stay};
use jiff::tz::TimeZone;
use protocol::Timestamp;

use super::{LIMIT_MAX, city, place};
use crate::index::{CheapestOffer, CityHotels, Hotel, Index, ListedHotel, StayQuery};
use gazetteer::Cities;

pub(super) fn find(
    now: Timestamp,
    index: &Index,
    cities: &Cities,
    request: &FindHotels,
) -> Result<FoundHotels, Refusal> {
    check_party(u32::from(request.guests), u32::from(request.rooms))?;
    let place = place(index, cities, &request.city, &request.languages)?;
    let city = city(index, cities, &place);
    let nothing = FoundHotels { city: city.clone(), hotels: Vec::new(), next: None, as_of: index.as_of };
    if let Some(stay) = request.stay {
        let today = today(place.time_zone, now);
        if stay.check_in() < today {
            return Err(Refusal::StayInThePast { today });
        }
        // The default booking horizon of reservations. If another one is configured, reservations may refuse a stay that is
        // found here.
        let ahead = Settings::default().horizon_days;
        if stay.check_out().0 > today.0.saturating_add_unsigned(ahead) {
            return Ok(nothing);
        }
    }
    let Some(hotels) = index.city(place.rank) else { return Ok(nothing) };
    let limit = usize::from(request.limit.clamp(1, LIMIT_MAX));
    let mut listed = HotelFilter::new(index, hotels, request).page(limit + 1);
    let more = listed.len() > limit;
    listed.truncate(limit);
    let next = listed.last().filter(|_| more).map(|last| last.position);
    let mut deadlines = Deadlines { now, known: None };
    let mut found =
        |listed: &ListedHotel| found(index.numbered(listed.number), listed.offer, request, &mut deadlines);
    Ok(FoundHotels { city, hotels: listed.iter().map(&mut found).collect(), next, as_of: index.as_of })
}

/// The current local date.
fn today(zone: &str, now: Timestamp) -> Date {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let now = jiff::Timestamp::from_millisecond(now.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_datetime(now).date().into()
}

/// The conditions for a hotel to be listed.
struct HotelFilter<'a> {
    index: &'a Index,
    hotels: &'a CityHotels,
    request: &'a FindHotels,
    query: Option<StayQuery>,
    /// Bit n: hotels with n stars are listed.
    stars: u8,
    amenity_bits: u128,
    other_amenities: Vec<String>,
}

impl<'a> HotelFilter<'a> {
    fn new(index: &'a Index, hotels: &'a CityHotels, request: &'a FindHotels) -> Self {
        let amenities = index.amenities().filter(&request.amenities);
        let stars = request.stars.iter().filter(|stars| **stars < 8).fold(0, |bits, stars| bits | 1 << stars);
        let (guests, rooms) = (u32::from(request.guests.max(1)), u32::from(request.rooms.max(1)));
        Self {
            index,
            hotels,
            request,
            query: request.stay.map(|stay: Stay| StayQuery::new(stay, guests, rooms)),
            stars: if request.stars.is_empty() { u8::MAX } else { stars },
            amenity_bits: amenities.bits,
            other_amenities: amenities.others,
        }
    }

    /// The first `count` hotels after the requested position.
    fn page(&self, count: usize) -> Vec<ListedHotel> {
        let after = self.request.after;
        match self.request.sort {
            Sort::Price => {
                let by_price = |number| {
                    let (price, offer) = self.pass(number)?;
                    let hotel = self.index.numbered(number);
                    let group = self.hotels.group_of(hotel.currency);
                    Some(ListedHotel {
                        position: Position { group, key: price, hotel: hotel.id },
                        number,
                        offer,
                    })
                };
                self.hotels.cheapest(self.query.as_ref(), count, after, self.request.price_max, by_price)
            }
            Sort::Recommended | Sort::Rating | Sort::Distance => {
                let passing = self.hotels.walk(self.request.sort, after).filter_map(|(position, number)| {
                    let (_, offer) = self.pass(number)?;
                    Some(ListedHotel { position, number, offer })
                });
                passing.take(count).collect()
            }
        }
    }

    /// The price of a hotel and its cheapest offer; none if it does not match.
    fn pass(&self, number: u32) -> Option<(i64, Option<CheapestOffer>)> {
        let hotel = self.index.numbered(number);
        let suits = 1u8.checked_shl(u32::from(hotel.stars)).is_some_and(|bit| self.stars & bit != 0)
            && hotel.amenity_bits & self.amenity_bits == self.amenity_bits
            && self.other_amenities.iter().all(|amenity| hotel.amenities.contains(amenity));
        if !suits {
            return None;
        }
        let (price, offer) = match &self.query {
            Some(query) => hotel.cheapest(query).map(|offer| (offer.total, Some(offer)))?,
            None => (from(hotel, self.request)?, None),
        };
        let dear = self.request.price_max.is_some_and(|most| price > most);
        let cheap = self.request.price_min.is_some_and(|least| price < least);
        (!dear && !cheap).then_some((price, offer))
    }
}

/// The lowest price of one night.
fn from(hotel: &Hotel, request: &FindHotels) -> Option<i64> {
    hotel.from(u32::from(request.guests.max(1)), u32::from(request.rooms.max(1)))
}

fn found(
    hotel: &Hotel,
    offer: Option<CheapestOffer>,
    request: &FindHotels,
    deadlines: &mut Deadlines,
) -> FoundHotel {
    let offer = offer.zip(request.stay).map(|(offer, stay)| {
        let room = &hotel.rooms[offer.room];
        let plan = &room.plans[offer.plan];
        FoundOffer {
            room_type: room.id,
            room_type_name: room.name.clone(),
            rate_plan: plan.id,
            rate_plan_name: plan.name.clone(),
            nightly: offer.nightly,
            total: offer.total,
            rooms_left: offer.left,
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
        from: from(hotel, request).unwrap_or_default(),
        offer,
        demo: hotel.demo,
    }
}

/// Computes when free cancellation ends. The last check-in time is cached, since the hotels of a page are usually in one
/// time zone.
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
