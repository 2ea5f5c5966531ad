//! Made-up hotels in the world's most populous and most visited cities, for whoever tries the program. The same on each
//! machine and at each start: everything follows from the cities' ids. Each is marked as made up.

mod districts;
mod lands;
mod names;
mod random;
mod stays;
mod text;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use contracts::{HotelId, HotelProfile};

use self::districts::{SOUGHT, districts};
use self::lands::{Land, land};
use self::random::Random;
use crate::cities::{Cities, Place};

/// Most populous cities that get hotels.
const POPULOUS: usize = 230;
/// Of one country, at most.
const OF_A_COUNTRY_MAX: usize = 14;

/// The hotels, city by city.
pub fn hotels() -> impl Iterator<Item = HotelProfile> {
    chosen().into_iter().flat_map(|(place, land)| hotels_of(&place, &land))
}

/// The most populous cities, not too many of one country, and those that guests travel to.
fn chosen() -> Vec<(Place, Land)> {
    let cities = Cities::new();
    let mut lands: BTreeMap<&'static str, (Option<Land>, usize)> = BTreeMap::new();
    let mut chosen: BTreeMap<u32, (Place, Land)> = BTreeMap::new();
    for place in cities.all() {
        let (land, count) = lands.entry(place.country).or_insert_with(|| (land(place.country), 0));
        if let Some(land) = land
            && *count < OF_A_COUNTRY_MAX
            && !is_part_of_a_city(&place)
        {
            *count += 1;
            chosen.insert(place.id, (place, land.clone()));
            if chosen.len() == POPULOUS {
                break;
            }
        }
    }
    for sought in SOUGHT.split('|') {
        let Some((name, country)) = sought.rsplit_once(' ') else { continue };
        let place = cities.named(name).into_iter().find(|place| place.country == country);
        if let Some((place, land)) = place.and_then(|place| Some((place, land(country)?))) {
            chosen.insert(place.id, (place, land));
        }
    }
    for (place, land) in chosen.values_mut() {
        if let Some(culture) = variants::local(place) {
            land.culture = culture;
        }
    }
    let mut chosen: Vec<_> = chosen.into_values().collect();
    chosen.sort_by_key(|(place, _)| place.rank);
    chosen
}

/// Boroughs that GeoNames counts as cities: their hotels are the city's.
fn is_part_of_a_city(place: &Place) -> bool {
    matches!(
        (place.name, place.country),
        ("Brooklyn" | "Queens" | "The Bronx" | "Manhattan", "US")
            | ("New Territories" | "Kowloon", "HK")
            | ("Camayenne", "GN")
            | ("Abobo", "CI")
            | ("Soweto", "ZA")
            | ("Iztapalapa" | "Ecatepec de Morelos" | "Zapopan", "MX")
    )
}

fn hotels_of(place: &Place, land: &Land) -> Vec<HotelProfile> {
    let mut random = Random::new(u64::from(place.id));
    let districts = districts(place.name, place.country);
    let count = match place.population {
        5_000_000.. => 12,
        1_500_000.. => 9,
        _ => 8,
    } + if districts.is_some() { 4 } else { 0 };
    let districts: Vec<&str> = districts.unwrap_or(land.culture.districts).split('|').collect();
    let mut taken = BTreeSet::new();
    (0..count).map(|number| hotel(place, land, number, &districts, &mut taken, &mut random)).collect()
}

fn hotel(
    place: &Place,
    land: &Land,
    number: usize,
    districts: &[&str],
    taken: &mut BTreeSet<String>,
    random: &mut Random,
) -> HotelProfile {
    let reference = format!("demo-{}-{number}", place.id);
    let id = HotelId::of_reference(&reference);
    let stars = [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5][random.below(11)];
    let district = random.pick(districts);
    let (latitude, longitude) = near(place, random);
    HotelProfile {
        id,
        reference,
        name: name(place, land, districts, taken, random),
        city: place.name.into(),
        country: place.country.into(),
        address: land.culture.address(random),
        latitude,
        longitude,
        time_zone: place.time_zone.into(),
        stars,
        rating_tenths: (random.between(60, 84) + i64::from(stars) * 2 + random.between(0, 4)) as u8,
        description: text::description(stars, place.name, district, random),
        amenities: text::amenities(stars, random),
        currency: land.currency,
        taxes: land.taxes.clone(),
        email: None,
        photos: Vec::new(),
        room_types: stays::room_types(id, stars, place, land, random),
        active: true,
        demo: true,
    }
}

/// A name that no other hotel of the city has.
fn name(
    place: &Place,
    land: &Land,
    districts: &[&str],
    taken: &mut BTreeSet<String>,
    random: &mut Random,
) -> String {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        let name = land.culture.hotel_name(place.name, districts, random);
        if taken.insert(name.clone()) {
            return name;
        }
    }
    let name = format!("{} {}", land.culture.hotel_name(place.name, districts, random), taken.len() + 1);
    taken.insert(name.clone());
    name
}

/// Somewhere around the centre: half of all within a kilometre or two, none far out.
fn near(place: &Place, random: &mut Random) -> (f64, f64) {
    const METRES_A_DEGREE: f64 = 111_195.0;
    let reach = if place.population > 2_000_000 { 6_000.0 } else { 3_000.0 };
    let metres = 150.0 + reach * random.share().powi(2);
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
    fn there_are_two_thousand_hotels_in_two_hundred_cities_of_many_countries() {
        let hotels: Vec<HotelProfile> = hotels().collect();
        let cities: BTreeSet<_> = hotels.iter().map(|hotel| (&hotel.city, &hotel.country)).collect();
        let countries: BTreeSet<_> = hotels.iter().map(|hotel| &hotel.country).collect();
        let ids: BTreeSet<_> = hotels.iter().map(|hotel| hotel.id).collect();
        assert!(hotels.len() >= 2_000, "{}", hotels.len());
        assert!(cities.len() >= 280, "{}", cities.len());
        assert!(countries.len() >= 80, "{}", countries.len());
        assert_eq!(ids.len(), hotels.len());
        assert!(hotels.iter().eq(super::hotels().collect::<Vec<_>>().iter()), "the same each time");
    }

    #[test]
    fn every_city_that_is_sought_is_known() {
        let chosen = chosen();
        for sought in SOUGHT.split('|') {
            let (name, country) = sought.rsplit_once(' ').unwrap();
            let known = Cities::new().named(name).into_iter().find(|place| place.country == country);
            let found = known.filter(|known| chosen.iter().any(|(place, _)| place.id == known.id));
            assert!(found.is_some() || land(country).is_none(), "{sought}");
        }
    }

    #[test]
    fn every_hotel_could_be_one() {
        let mut names = BTreeSet::new();
        let cities = Cities::new();
        for hotel in hotels() {
            let what = &hotel.reference;
            assert!(hotel.demo && hotel.active && (1..=5).contains(&hotel.stars), "{what}");
            assert!((60..=100).contains(&hotel.rating_tenths), "{what}");
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
            assert!(hotel.amenities.is_sorted() && !hotel.taxes.is_empty(), "{what}");
            let place = cities.of_hotel(&hotel.city, &hotel.country, hotel.latitude, hotel.longitude);
            assert_eq!((place.name, place.country), (hotel.city.as_str(), hotel.country.as_str()), "{what}");
            let centre = (place.latitude, place.longitude);
            let metres = crate::cities::metres_between(centre, (hotel.latitude, hotel.longitude));
            assert!(metres < 7_000.0, "{what}: {metres}");
            assert!((2..=4).contains(&hotel.room_types.len()), "{what}");
            for room in &hotel.room_types {
                assert!((1..=3).contains(&room.rate_plans.len()) && room.rooms >= 2, "{what}");
                assert!(room.rate_plans.iter().all(|plan| plan.amount > 0), "{what}");
            }
            let named: BTreeSet<_> = hotel.room_types.iter().map(|room| &room.name).collect();
            assert_eq!(named.len(), hotel.room_types.len(), "{what}");
        }
    }
}
