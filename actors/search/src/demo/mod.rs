//! Generated demo hotels in the most populous and the most visited cities of the world. The generator is deterministic: its
//! seeds are the ids of the cities. Each hotel is marked as a demo hotel.

mod city;
mod country;
mod culture;
mod random;
mod rooms;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use contracts::{HotelId, HotelProfile};

use self::country::Country;
use self::random::Random;
use gazetteer::{Cities, CityRecord};

/// The number of cities that are selected by population.
const POPULOUS_CITIES: usize = 230;
/// The maximum number of these in one country.
const CITIES_PER_COUNTRY_MAX: usize = 14;

/// The demo hotels, city by city.
pub fn hotels() -> impl Iterator<Item = HotelProfile> {
    selected_cities().into_iter().flat_map(|(place, country)| hotels_of(&place, &country))
}

/// The most populous cities, up to a maximum for each country, and the destinations of `cities.toml`.
fn selected_cities() -> Vec<(CityRecord, Country)> {
    let cities = Cities::new();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut selected: BTreeMap<u32, (CityRecord, Country)> = BTreeMap::new();
    for place in cities.all() {
        let count = counts.entry(place.country).or_default();
        if let Some(country) = Country::of_code(place.country)
            && *count < CITIES_PER_COUNTRY_MAX
            && !city::is_borough(&place)
        {
            *count += 1;
            selected.insert(place.id, (place, country.clone()));
            if selected.len() == POPULOUS_CITIES {
                break;
            }
        }
    }
    for (name, code) in city::destinations() {
        let place = cities.named(name).into_iter().find(|place| place.country == code);
        if let Some((place, country)) = place.zip(Country::of_code(code)) {
            selected.insert(place.id, (place, country.clone()));
        }
    }
    for (place, country) in selected.values_mut() {
        if let Some(culture) = city::culture(place) {
            country.culture = culture;
        }
    }
    let mut selected: Vec<_> = selected.into_values().collect();
    selected.sort_by_key(|(place, _)| place.rank);
    selected
}

fn hotels_of(place: &CityRecord, country: &Country) -> Vec<HotelProfile> {
    let mut random = Random::new(u64::from(place.id));
    let districts = city::districts(place);
    let count = match place.population {
        5_000_000.. => 12,
        1_500_000.. => 9,
        _ => 8,
    } + if districts.is_some() { 4 } else { 0 };
    let districts = districts.unwrap_or(&country.culture.districts);
    let mut taken = BTreeSet::new();
    (0..count).map(|number| hotel(place, country, number, districts, &mut taken, &mut random)).collect()
}

fn hotel(
    place: &CityRecord,
    country: &Country,
    number: usize,
    districts: &[String],
    taken: &mut BTreeSet<String>,
    random: &mut Random,
) -> HotelProfile {
    let reference = format!("demo-{}-{number}", place.id);
    let id = HotelId::of_reference(&reference);
    let stars = [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5][random.below(11)];
    let district = random.pick(districts);
    let (latitude, longitude) = position_near(place, random);
    HotelProfile {
        id,
        reference,
        name: name(place, country, districts, taken, random),
        city: place.name.into(),
        country: place.country.into(),
        address: country.culture.address(random),
        latitude,
        longitude,
        time_zone: place.time_zone.into(),
        stars,
        rating_tenths: (random.between(60, 84) + i64::from(stars) * 2 + random.between(0, 4)) as u8,
        description: text::description(stars, place.name, district, random),
        amenities: text::amenities(stars, random),
        currency: country.currency,
        taxes: country.taxes.clone(),
        email: None,
        photos: Vec::new(),
        room_types: rooms::room_types(id, stars, place, country, random),
        active: true,
        demo: true,
    }
}

/// A name that is unique in the city.
fn name(
    place: &CityRecord,
    country: &Country,
    districts: &[String],
    taken: &mut BTreeSet<String>,
    random: &mut Random,
) -> String {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        let name = country.culture.hotel_name(place.name, districts, random);
        if taken.insert(name.clone()) {
            return name;
        }
    }
    let name = format!("{} {}", country.culture.hotel_name(place.name, districts, random), taken.len() + 1);
    taken.insert(name.clone());
    name
}

/// A random position near the city's centre. The density decreases with the distance.
fn position_near(place: &CityRecord, random: &mut Random) -> (f64, f64) {
    const METRES_A_DEGREE: f64 = 111_195.0;
    let distance_max = if place.population > 2_000_000 { 6_000.0 } else { 3_000.0 };
    let metres = 150.0 + distance_max * random.share().powi(2);
    let angle = random.share() * std::f64::consts::TAU;
    let north = metres * angle.sin() / METRES_A_DEGREE;
    let east = metres * angle.cos() / (METRES_A_DEGREE * place.latitude.to_radians().cos());
    let rounded = |degrees: f64| (degrees * 100_000.0).round() / 100_000.0;
    (rounded(place.latitude + north), rounded(place.longitude + east))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_enough_hotels_cities_and_countries() {
        let hotels: Vec<HotelProfile> = hotels().collect();
        let cities: BTreeSet<_> = hotels.iter().map(|hotel| (&hotel.city, &hotel.country)).collect();
        let countries: BTreeSet<_> = hotels.iter().map(|hotel| &hotel.country).collect();
        let ids: BTreeSet<_> = hotels.iter().map(|hotel| hotel.id).collect();
        assert!(hotels.len() >= 2_000, "{}", hotels.len());
        assert!(cities.len() >= 280, "{}", cities.len());
        assert!(countries.len() >= 80, "{}", countries.len());
        assert_eq!(ids.len(), hotels.len());
        assert!(
            hotels.iter().eq(super::hotels().collect::<Vec<_>>().iter()),
            "the generator is deterministic"
        );
    }

    /// Clusters store the demo hotels: a change of the generator or its data must not rename those that exist.
    #[test]
    fn the_generated_hotels_do_not_change() {
        let hotels: Vec<HotelProfile> = hotels().collect();
        let digest = protocol::codec::hash128(&[&protocol::codec::encode(&hotels)]);
        assert_eq!(
            (hotels.len(), format!("{digest:032x}").as_str()),
            (3350, "18625cf968f665eaffbc9322add09092")
        );
    }

    #[test]
    fn every_destination_is_a_selected_city() {
        let selected = selected_cities();
        for (name, code) in city::destinations() {
            let known = Cities::new().named(name).into_iter().find(|place| place.country == code);
            let found = known.filter(|known| selected.iter().any(|(place, _)| place.id == known.id));
            assert!(found.is_some() || Country::of_code(code).is_none(), "{name}, {code}");
        }
    }

    #[test]
    fn every_hotel_is_valid() {
        let mut names = BTreeSet::new();
        let cities = Cities::new();
        for hotel in hotels() {
            let reference = &hotel.reference;
            assert!(hotel.demo && hotel.active && (1..=5).contains(&hotel.stars), "{reference}");
            assert!((60..=100).contains(&hotel.rating_tenths), "{reference}");
            assert!(
                !hotel.name.contains(['{', '}', '|']) && !hotel.address.contains(['{', '}']),
                "{}",
                hotel.name
            );
            assert!(!hotel.description.contains(['{', '}', '|']), "{}", hotel.description);
            assert!(
                names.insert((hotel.name.clone(), hotel.city.clone(), hotel.country.clone())),
                "{}",
                hotel.name
            );
            assert!(jiff::tz::TimeZone::get(&hotel.time_zone).is_ok(), "{}", hotel.time_zone);
            assert!(hotel.amenities.is_sorted() && !hotel.taxes.is_empty(), "{reference}");
            let place = cities.of_hotel(&hotel.city, &hotel.country, hotel.latitude, hotel.longitude);
            assert_eq!(
                (place.name, place.country),
                (hotel.city.as_str(), hotel.country.as_str()),
                "{reference}"
            );
            let centre = (place.latitude, place.longitude);
            let metres = gazetteer::metres_between(centre, (hotel.latitude, hotel.longitude));
            assert!(metres < 7_000.0, "{reference}: {metres}");
            assert!((2..=4).contains(&hotel.room_types.len()), "{reference}");
            for room in &hotel.room_types {
                assert!((1..=3).contains(&room.rate_plans.len()) && room.rooms >= 2, "{reference}");
                assert!(room.rate_plans.iter().all(|plan| plan.amount > 0), "{reference}");
            }
            let named: BTreeSet<_> = hotel.room_types.iter().map(|room| &room.name).collect();
            assert_eq!(named.len(), hotel.room_types.len(), "{reference}");
        }
    }
}
