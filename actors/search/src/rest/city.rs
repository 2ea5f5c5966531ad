//! The response for a city.

use contracts::search as found;
use poem_openapi::{Enum, Object};
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
    /// The English name of the region, such as `Texas`. Omitted if it is not known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A name that selects this city and no other, such as `Paris, Texas, United States`.
    pub full_name: String,
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
            region: Some((*city.region).to_owned()).filter(|region| !region.is_empty()),
            full_name: (*city.full_name).to_owned(),
            population: city.population,
            latitude: city.latitude,
            longitude: city.longitude,
            time_zone: (*city.time_zone).to_owned(),
            hotels: city.hotels,
        }
    }
}

/// How a city matches a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CityMatchKind {
    /// The text is a name of the city.
    Name,
    /// A name of the city begins with the text.
    Prefix,
    /// A later word of a name begins with the text.
    Word,
    /// The text is the code of an airport, or an abbreviation.
    Code,
    /// The text is the name of a region or a country that contains the city, or its beginning.
    Area,
    /// The text resembles a name of the city. Such a text selects no city in `GET /v1/hotels`.
    Spelling,
}

/// A city that matches a text.
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct CityMatch {
    /// The city.
    #[oai(flatten)]
    #[serde(flatten)]
    pub city: City,
    /// The name that matched, as it is written in its language, such as `Monaco di Baviera`.
    pub matched_name: String,
    /// How the city matches.
    pub matched_by: CityMatchKind,
}

impl From<found::CityMatch> for CityMatch {
    fn from(found: found::CityMatch) -> Self {
        let matched_by = match found.kind {
            found::CityMatchKind::Name => CityMatchKind::Name,
            found::CityMatchKind::Prefix => CityMatchKind::Prefix,
            found::CityMatchKind::Word => CityMatchKind::Word,
            found::CityMatchKind::Code => CityMatchKind::Code,
            found::CityMatchKind::Area => CityMatchKind::Area,
            found::CityMatchKind::Spelling => CityMatchKind::Spelling,
        };
        Self { city: City::from(found.city), matched_name: (*found.name).to_owned(), matched_by }
    }
}
