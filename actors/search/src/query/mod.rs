//! Queries. They read the index, except the full profile of a hotel, which is in the store.

mod find;

use std::cmp::Reverse;
use std::sync::Arc;

use contracts::HotelId;
use contracts::search::{Answer, City, CityName, HotelDetails, ListTopCities, Query, Refusal, SuggestCities};
use group::View;

use crate::cities::{Cities, CityRecord, country};
use crate::index::Index;
use crate::state::HOTELS;

/// The maximum number of items of a list.
const LIMIT_MAX: u8 = 100;

pub(crate) fn query(
    view: &View<'_>,
    index: &Index,
    cities: &Cities,
    query: Query,
) -> Result<Answer, Refusal> {
    match query {
        Query::GetHotel(request) => hotel(view, index, cities, request.hotel).map(Answer::from),
        Query::FindHotels(request) => find::find(view.now(), index, cities, &request).map(Answer::from),
        Query::SuggestCities(SuggestCities { text, limit }) => {
            let found = cities.complete(&text, usize::from(limit.min(LIMIT_MAX)));
            Ok(Answer::Cities(found.iter().map(|place| city(index, place)).collect()))
        }
        Query::GetCity(request) => Ok(Answer::Cities(vec![city(index, &place(cities, &request.city)?)])),
        Query::ListTopCities(ListTopCities { limit }) => {
            let mut ranks: Vec<_> =
                index.cities().map(|(rank, hotels)| (Reverse(hotels.count()), rank)).collect();
            ranks.sort_unstable();
            ranks.truncate(usize::from(limit.min(LIMIT_MAX)));
            Ok(Answer::Cities(ranks.iter().map(|(_, rank)| city(index, &cities.city(*rank))).collect()))
        }
    }
}

fn hotel(view: &View<'_>, index: &Index, cities: &Cities, id: HotelId) -> Result<Box<HotelDetails>, Refusal> {
    let stored = view.get(&HOTELS, &id).ok_or(Refusal::NoSuchHotel)?;
    // The store may be one turn ahead of the index.
    let (place, distance_metres) = match index.hotel(id) {
        Some(known) => (cities.city(known.city), known.distance_metres),
        None => return Err(Refusal::NoSuchHotel),
    };
    let details = HotelDetails {
        profile: stored.profile,
        city: city(index, &place),
        distance_metres,
        changed_at: stored.at,
    };
    Ok(Box::new(details))
}

fn place(cities: &Cities, name: &CityName) -> Result<CityRecord, Refusal> {
    let place = match name {
        CityName::Id(id) => cities.by_id(*id),
        CityName::Name(name) => cities.meant(name),
    };
    place.ok_or(Refusal::NoSuchCity)
}

fn city(index: &Index, place: &CityRecord) -> City {
    City {
        id: place.id,
        name: Arc::from(place.name),
        country: Arc::from(place.country),
        country_name: Arc::from(country(place.country).map_or(place.country, |country| country.name)),
        population: place.population,
        latitude: place.latitude,
        longitude: place.longitude,
        time_zone: Arc::from(place.time_zone),
        hotels: index.hotels_of(place.rank),
    }
}
