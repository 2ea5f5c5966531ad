//! Where a hotel is: the city that it names, and its position.

use super::cities::Cities;
use super::normalize::normalize;
use super::records::{self, CityRecord, Rank, metres_between};

/// How far from the centre of its city a hotel can be: airports and suburbs of large cities are this far out.
const CITY_METRES_MAX: f64 = 50_000.0;

/// The same for a hotel to which no other city is nearer.
const REMOTE_METRES_MAX: f64 = 500_000.0;

/// Why the location of a hotel cannot be right.
#[derive(Debug, Clone, PartialEq)]
pub enum LocationError {
    /// No city of the country has this name.
    UnknownCity { country: String, nearest: Option<CityRecord>, metres: f64 },
    /// The city is too far from the position.
    TooFar { metres: f64, nearest: Option<CityRecord> },
}

impl std::fmt::Display for LocationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let km = |metres: &f64| (metres / 1_000.0).round();
        match self {
            Self::UnknownCity { country, nearest: Some(nearest), metres } => write!(
                f,
                "not a known city of {country}; the nearest city to the coordinates is {} ({}), {} km away",
                nearest.name,
                nearest.country,
                km(metres)
            ),
            Self::UnknownCity { country, nearest: None, .. } => write!(f, "not a known city of {country}"),
            Self::TooFar { metres, nearest } => {
                write!(f, "{} km from the coordinates", km(metres))?;
                match nearest {
                    Some(nearest) => {
                        write!(f, "; the nearest city is {} ({})", nearest.name, nearest.country)
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for LocationError {}

impl Cities {
    /// The city of a hotel: the most populous city with that name in the country within 50 km (a borough may share the name of
    /// its city); otherwise the nearest city with that name in the country; otherwise the nearest city.
    pub fn of_hotel(&self, city: &str, country: &str, latitude: f64, longitude: f64) -> CityRecord {
        let here = (finite(latitude), finite(longitude));
        let named = self.of_country(city, country);
        let near = named.iter().find(|record| distance(here, record) <= CITY_METRES_MAX).copied();
        near.or_else(|| named.into_iter().min_by(|a, b| distance(here, a).total_cmp(&distance(here, b))))
            .or_else(|| self.nearest(here.0, here.1, CITY_METRES_MAX))
            .or_else(|| self.nearest(here.0, here.1, f64::from(u32::MAX)))
            .unwrap_or_else(|| records::city(Rank(0)))
    }

    /// Checks that a city of the country has this name and is at most 50 km from the position, or farther if no other city is
    /// nearer.
    ///
    /// # Errors
    /// The nearest city of the index, as a suggestion.
    pub fn check_location(
        &self,
        city: &str,
        country: &str,
        latitude: f64,
        longitude: f64,
    ) -> Result<(), LocationError> {
        let here = (finite(latitude), finite(longitude));
        let named = self.of_country(city, country);
        let nearest = || self.nearest(here.0, here.1, f64::from(u32::MAX));
        match named.into_iter().min_by(|a, b| distance(here, a).total_cmp(&distance(here, b))) {
            Some(city) if distance(here, &city) <= CITY_METRES_MAX => Ok(()),
            Some(city) => {
                let (metres, nearest) = (distance(here, &city), nearest());
                let is_nearest = nearest.is_some_and(|other| other.rank == city.rank);
                if is_nearest && metres <= REMOTE_METRES_MAX {
                    return Ok(());
                }
                Err(LocationError::TooFar { metres, nearest })
            }
            None => {
                let nearest = nearest();
                let metres = nearest.as_ref().map_or(f64::MAX, |city| distance(here, city));
                Err(LocationError::UnknownCity { country: country.to_owned(), nearest, metres })
            }
        }
    }

    /// The cities with a name in a country, most populous first. The name may be followed by the region or the country.
    fn of_country(&self, name: &str, country: &str) -> Vec<CityRecord> {
        let own = |name: &str| -> Vec<CityRecord> {
            self.named(name).into_iter().filter(|record| record.country == country).collect()
        };
        let named = own(name);
        match name.split_once(',') {
            Some((name, _)) if named.is_empty() && !normalize(name).is_empty() => own(name),
            _ => named,
        }
    }
}

fn finite(degrees: f64) -> f64 {
    if degrees.is_finite() { degrees } else { 0.0 }
}

fn distance(here: (f64, f64), city: &CityRecord) -> f64 {
    metres_between(here, (city.latitude, city.longitude))
}
