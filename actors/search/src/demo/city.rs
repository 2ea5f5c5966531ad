//! Special cases of cities. The data are in `data/cities.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::culture::Culture;
use gazetteer::CityRecord;

/// See `data/cities.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CityData {
    destinations: Vec<String>,
    boroughs: Vec<String>,
    cultures: BTreeMap<String, String>,
    districts: BTreeMap<String, Vec<String>>,
}

static CITIES: LazyLock<CityData> =
    LazyLock::new(|| toml::from_str(include_str!("data/cities.toml")).expect("cities.toml is valid"));

/// Cities that travellers visit: name in any language, country.
pub(super) fn destinations() -> impl Iterator<Item = (&'static str, &'static str)> {
    CITIES.destinations.iter().filter_map(|destination| destination.rsplit_once(' '))
}

/// Whether GeoNames lists a part of another city as this city.
pub(super) fn is_borough(place: &CityRecord) -> bool {
    CITIES.boroughs.contains(&key(place))
}

/// The culture of a city, if it differs from that of its country.
pub(super) fn culture(place: &CityRecord) -> Option<&'static Culture> {
    CITIES.cultures.get(&key(place)).and_then(|name| Culture::named(name))
}

/// The districts of a city, if they are known.
pub(super) fn districts(place: &CityRecord) -> Option<&'static [String]> {
    CITIES.districts.get(&key(place)).map(Vec::as_slice)
}

fn key(place: &CityRecord) -> String {
    format!("{} {}", place.name, place.country)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cities_with_districts_have_their_geonames_names() {
        let all: BTreeSet<String> = gazetteer::Cities::new().all().map(|place| key(&place)).collect();
        for city in CITIES.districts.keys() {
            assert!(all.contains(city), "{city}");
        }
    }
}
