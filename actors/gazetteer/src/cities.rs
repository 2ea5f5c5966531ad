//! The index of cities: access by rank, id, name and position.

use super::areas::Areas;
use super::names::Names;
use super::normalize::normalize;
use super::records::{self, CityRecord, Rank};

macro_rules! names {
    ($file:literal) => {
        Names::new(include_bytes!(concat!(env!("OUT_DIR"), "/", $file)))
    };
}

/// The index. It is cheap to create and to clone. See `build.rs` for the transducers.
#[derive(Clone)]
pub struct Cities {
    pub(crate) main: Names,
    pub(crate) words: Names,
    pub(crate) languages: Names,
    pub(crate) others: Names,
    pub(crate) transliterations: Names,
    pub(crate) codes: Names,
    pub(crate) areas: Areas,
}

impl std::fmt::Debug for Cities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cities({})", records::count())
    }
}

impl Default for Cities {
    fn default() -> Self {
        Self::new()
    }
}

impl Cities {
    /// Opens the index.
    ///
    /// # Panics
    /// If the embedded data is corrupt.
    pub fn new() -> Self {
        Self {
            main: names!("main.fst"),
            words: names!("words.fst"),
            languages: names!("languages.fst"),
            others: names!("others.fst"),
            transliterations: names!("transliterations.fst"),
            codes: names!("codes.fst"),
            areas: Areas::new(names!("areas.fst")),
        }
    }

    /// The number of cities.
    pub fn count(&self) -> usize {
        records::count()
    }

    /// All cities, most populous first.
    pub fn all(&self) -> impl Iterator<Item = CityRecord> + use<> {
        (0..records::count() as u16).map(|rank| records::city(Rank(rank)))
    }

    /// The city with a rank of this index.
    pub fn city(&self, rank: Rank) -> CityRecord {
        records::city(rank)
    }

    /// The city with this GeoNames id.
    pub fn by_id(&self, id: u32) -> Option<CityRecord> {
        records::by_id(id).map(records::city)
    }

    /// The cities with exactly this name, in any language or script, most populous first.
    pub fn named(&self, name: &str) -> Vec<CityRecord> {
        let name = normalize(name);
        let mut ranks = self.main.named(&name);
        ranks.extend(self.others.named(&name));
        ranks.extend(self.transliterations.named(&name));
        ranks.sort_unstable();
        ranks.dedup();
        ranks.into_iter().map(|rank| records::city(Rank(rank))).collect()
    }

    /// The city with the nearest centre, if it is within `metres_max`.
    pub fn nearest(&self, latitude: f64, longitude: f64, metres_max: f64) -> Option<CityRecord> {
        records::nearest(latitude, longitude, metres_max).map(|(rank, _)| records::city(rank))
    }

    /// The English name of the region of a city, such as `Texas`.
    pub fn region(&self, city: &CityRecord) -> Option<&'static str> {
        city.region.map(|region| self.areas.region(region).name)
    }

    /// A name that selects this city and no other: `Paris, France`; `Paris, Texas, United States` where a more populous city of
    /// the country has the name.
    pub fn full_name(&self, city: &CityRecord) -> String {
        let country = super::country(city.country).map_or(city.country, |country| country.name);
        let mut same =
            self.main.named(&normalize(city.name)).into_iter().map(|rank| records::city(Rank(rank)));
        match self.region(city) {
            Some(region) if same.any(|other| other.rank != city.rank && other.country == city.country) => {
                format!("{}, {region}, {country}", city.name)
            }
            _ => format!("{}, {country}", city.name),
        }
    }
}
