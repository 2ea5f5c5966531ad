//! Countries, regions and other areas that contain cities.

use std::sync::LazyLock;

use super::countries::{countries, country};
use super::names::Names;
use super::normalize::normalize;
use super::records::{self, CityRecord, Rank};

static MEMBERS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/area_cities.bin"));

/// The bytes of the cities of one line of `areas.tsv`.
const MEMBER_BYTES: usize = 8;

/// A region of the first level of a country.
pub(crate) struct Region {
    /// The letters of ISO 3166-2; may be empty.
    pub abbreviation: &'static str,
    /// The English name.
    pub name: &'static str,
    /// Names in other languages, joined by `|`.
    others: &'static str,
}

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    let read = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [_, _, abbreviation, name, others] = fields[..] else { panic!("5 fields in `{line}`") };
        Region { abbreviation, name, others }
    };
    include_str!("../data/regions.tsv").lines().map(read).collect()
});

static AREA_NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("../data/areas.tsv").lines();
    let areas = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    areas.map(|line| line.split('\t').next().unwrap_or_default()).collect()
});

/// The ranks of the cities of each region and of each country, in ascending order.
struct CitiesByArea {
    regions: Vec<Vec<u16>>,
    by_country: Vec<Vec<u16>>,
}

static CITIES: LazyLock<CitiesByArea> = LazyLock::new(|| {
    let mut regions = vec![Vec::new(); REGIONS.len()];
    let mut by_country = vec![Vec::new(); countries().len()];
    for rank in 0..records::count() as u16 {
        if let Some(cities) = regions.get_mut(usize::from(records::region(Rank(rank)))) {
            cities.push(rank);
        }
        let code = records::country(Rank(rank));
        if let Ok(at) = countries().binary_search_by(|country| country.code.as_bytes().cmp(code)) {
            by_country[at].push(rank);
        }
    }
    CitiesByArea { regions, by_country }
});

/// An area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// The two letters of the country.
    Country(&'static str),
    /// The number of the region.
    Region(u16),
    /// The number of the line in `areas.tsv`.
    Other(usize),
}

#[derive(Clone)]
pub(crate) struct Areas {
    pub names: Names,
}

impl Areas {
    pub fn new(names: Names) -> Self {
        Self { names }
    }

    pub fn region(&self, number: u16) -> &'static Region {
        &REGIONS[usize::from(number)]
    }

    /// The area with a number of `areas.fst`.
    pub fn area(&self, number: u16) -> Area {
        let number = usize::from(number);
        let (before_regions, before_others) = (countries().len(), countries().len() + REGIONS.len());
        if let Some(country) = countries().get(number) {
            Area::Country(country.code)
        } else if number < before_others {
            Area::Region((number - before_regions) as u16)
        } else {
            Area::Other(number - before_others)
        }
    }

    /// The name of an area that begins with a normalized text, as it is written.
    pub fn name(&self, area: Area, normalized: &str) -> &'static str {
        let (main, others) = match area {
            Area::Country(code) => country(code).map_or((code, ""), |country| (country.name, country.names)),
            Area::Region(number) => (self.region(number).name, self.region(number).others),
            Area::Other(line) => ("", AREA_NAMES[line]),
        };
        let mut all = std::iter::once(main).chain(others.split('|')).filter(|name| !name.is_empty());
        let shown = all.clone().find(|name| normalize(name).starts_with(normalized));
        shown.or_else(|| all.next()).unwrap_or_default()
    }

    /// Whether a city is in an area.
    pub fn contains(&self, area: Area, city: &CityRecord) -> bool {
        match area {
            Area::Country(code) => city.country == code,
            Area::Region(number) => city.region == Some(number),
            Area::Other(line) => self.members(line).any(|rank| rank == city.rank),
        }
    }

    /// The cities of an area, most populous first; those of a line of `areas.tsv` in the order of the line.
    pub fn cities(&self, area: Area) -> Vec<Rank> {
        match area {
            Area::Other(line) => self.members(line).collect(),
            Area::Region(number) => CITIES.regions[usize::from(number)].iter().copied().map(Rank).collect(),
            Area::Country(code) => {
                let at = countries().binary_search_by(|country| country.code.cmp(code));
                at.map_or_else(|_| Vec::new(), |at| CITIES.by_country[at].iter().copied().map(Rank).collect())
            }
        }
    }

    fn members(&self, line: usize) -> impl Iterator<Item = Rank> + use<> {
        let bytes = &MEMBERS[line * MEMBER_BYTES..(line + 1) * MEMBER_BYTES];
        let ranks = bytes.chunks_exact(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        ranks.filter(|rank| *rank != u16::MAX).map(Rank)
    }

    /// The countries and regions that a text names after a city: `Texas`, `TX`, `France`, `FR`, `USA`.
    pub fn qualifying(&self, normalized: &str) -> Vec<Area> {
        let mut areas: Vec<Area> =
            self.names.named(normalized).into_iter().map(|number| self.area(number)).collect();
        let more = match normalized {
            "usa" | "united states of america" | "america" => Some("US"),
            "uk" | "great britain" | "england" | "scotland" | "wales" | "northern ireland" | "britain" => {
                Some("GB")
            }
            "uae" | "emirates" => Some("AE"),
            "holland" => Some("NL"),
            "south korea" | "korea" => Some("KR"),
            _ => None,
        };
        areas.extend(more.map(Area::Country));
        if (2..=3).contains(&normalized.len()) && normalized.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let code = normalized.to_ascii_uppercase();
            areas.extend(country(&code).map(|country| Area::Country(country.code)));
            let regions = (0..).zip(REGIONS.iter()).filter(|(_, region)| region.abbreviation == code);
            areas.extend(regions.map(|(number, _)| Area::Region(number)));
        }
        areas
    }
}
