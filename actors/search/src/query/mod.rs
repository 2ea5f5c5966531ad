//! Queries. They read the index, except the full profile of a hotel, which is in the store.

mod find;

use std::cmp::Reverse;
use std::sync::Arc;

use contracts::HotelId;
use contracts::search::{
    Answer, City, CityCandidate, CityMatch, CityMatchKind, CityName, HotelDetails, ListTopCities, Query,
    Refusal, SuggestCities,
};
use gazetteer::{Cities, CityRecord, Found, Lookup, MatchKind, Rank, country};
use group::View;

use crate::index::Index;
use crate::state::HOTELS;

/// The maximum number of items of a list.
const LIMIT_MAX: u8 = 100;

/// The number of cities that are proposed for a misspelled name.
const CANDIDATES: usize = 5;

pub(crate) fn query(
    view: &View<'_>,
    index: &Index,
    cities: &Cities,
    query: Query,
) -> Result<Answer, Refusal> {
    match query {
        Query::GetHotel(request) => hotel(view, index, cities, request.hotel).map(Answer::from),
        Query::FindHotels(request) => find::find(view.now(), index, cities, &request).map(Answer::from),
        Query::SuggestCities(SuggestCities { text, limit, languages }) => {
            let limit = usize::from(limit.min(LIMIT_MAX));
            let found = lookup(index, &text, &languages, |lookup| cities.find(lookup, limit));
            Ok(Answer::CityMatches(found.into_iter().map(|found| matched(index, cities, found)).collect()))
        }
        Query::GetCity(request) => {
            Ok(Answer::Cities(vec![city(index, cities, &place(index, cities, &request.city, &[])?)]))
        }
        Query::ListTopCities(ListTopCities { limit }) => {
            let mut ranks: Vec<_> =
                index.cities().map(|(rank, hotels)| (Reverse(hotels.count()), rank)).collect();
            ranks.sort_unstable();
            ranks.truncate(usize::from(limit.min(LIMIT_MAX)));
            Ok(Answer::Cities(
                ranks.iter().map(|(_, rank)| city(index, cities, &cities.city(*rank))).collect(),
            ))
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
        city: city(index, cities, &place),
        distance_metres,
        changed_at: stored.at,
    };
    Ok(Box::new(details))
}

/// The city that a name selects: the one that [`SuggestCities`] would list first. A name that only resembles names of cities
/// selects none.
fn place(
    index: &Index,
    cities: &Cities,
    name: &CityName,
    languages: &[String],
) -> Result<CityRecord, Refusal> {
    let name = match name {
        CityName::Id(id) => return cities.by_id(*id).ok_or(Refusal::NoSuchCity),
        CityName::Name(name) => name,
    };
    let first = lookup(index, name, languages, |lookup| cities.first(lookup)).ok_or(Refusal::NoSuchCity)?;
    if first.kind != MatchKind::Spelling {
        return Ok(first.city);
    }
    let similar = lookup(index, name, languages, |lookup| cities.find(lookup, CANDIDATES));
    let candidate =
        |found: &Found| CityCandidate { id: found.city.id, full_name: cities.full_name(&found.city) };
    Err(Refusal::UncertainCity { candidates: similar.iter().map(candidate).collect() })
}

fn lookup<T>(index: &Index, text: &str, languages: &[String], run: impl FnOnce(&Lookup<'_>) -> T) -> T {
    let hotels = |rank: Rank| index.hotels_of(rank);
    run(&Lookup { text, languages, hotels: &hotels })
}

fn matched(index: &Index, cities: &Cities, found: Found) -> CityMatch {
    let kind = match found.kind {
        MatchKind::Name | MatchKind::OtherName => CityMatchKind::Name,
        MatchKind::Prefix | MatchKind::OtherPrefix => CityMatchKind::Prefix,
        MatchKind::Word => CityMatchKind::Word,
        MatchKind::Code => CityMatchKind::Code,
        MatchKind::Area => CityMatchKind::Area,
        MatchKind::Spelling => CityMatchKind::Spelling,
    };
    CityMatch { city: city(index, cities, &found.city), name: found.name.into(), kind }
}

fn city(index: &Index, cities: &Cities, place: &CityRecord) -> City {
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
        region: Arc::from(cities.region(place).unwrap_or_default()),
        full_name: Arc::from(cities.full_name(place)),
    }
}
