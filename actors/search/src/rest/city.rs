//! The response for a city.

use contracts::search as found;
use poem_openapi::Object;
use serde::Serialize;

/// A city of 15,000 inhabitants or more. City data: GeoNames (CC BY 4.0).
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct City {
    /// The id: `cty_` and the GeoNames id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The country code (ISO 3166-1 alpha-2).
    pub country: String,
    /// The English name of the country.
    pub country_name: String,
    /// The number of inhabitants.
    pub population: u32,
    /// The latitude of the centre, in degrees north.
    pub latitude: f64,
    /// The longitude of the centre, in degrees east.
    pub longitude: f64,
    /// The time zone (IANA name).
    pub time_zone: String,
    /// The number of hotels that can be booked in this city.
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
