//! A city as clients see it.

use contracts::search as found;
use poem_openapi::Object;
use serde::Serialize;

/// A city of 15,000 inhabitants or more. City data: GeoNames (CC BY 4.0).
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct City {
    /// Its id: `cty_` and GeoNames' number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The country's name, in English.
    pub country_name: String,
    /// Inhabitants.
    pub population: u32,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name of the time zone.
    pub time_zone: String,
    /// How many hotels it has here.
    pub hotels: u32,
}

impl From<found::City> for City {
    fn from(city: found::City) -> Self {
        Self {
            id: city.api_id(),
            name: (*city.name).to_owned(),
            country: (*city.country).to_owned(),
            country_name: (*city.country_name).to_owned(),
            population: city.population,
            latitude: city.latitude,
            longitude: city.longitude,
            time_zone: (*city.time_zone).to_owned(),
            hotels: city.hotels,
        }
    }
}
