//! Access to the city records that `build.rs` writes.

use std::sync::LazyLock;

static RECORDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/records.bin"));
static NAMES: &str = include_str!(concat!(env!("OUT_DIR"), "/names.txt"));
static ZONES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!(concat!(env!("OUT_DIR"), "/zones.txt")).lines().collect());
static BY_ID: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/by_id.bin"));
static BY_LATITUDE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/by_latitude.bin"));

const RECORD_BYTES: usize = 28;

/// The rank of a city by population: 0 is the most populous. Ranks depend on the embedded data, so they must not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank(pub u16);

/// A city of the embedded data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CityRecord {
    pub rank: Rank,
    /// The GeoNames id, which is stable.
    pub id: u32,
    /// The English name, or the GeoNames name if there is none.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// The number of inhabitants.
    pub population: u32,
    /// The latitude of the centre, in degrees north.
    pub latitude: f64,
    /// The longitude of the centre, in degrees east.
    pub longitude: f64,
    /// The IANA name.
    pub time_zone: &'static str,
    /// The number of the region of the first level, if it is known.
    pub(crate) region: Option<u16>,
}

/// The number of cities.
pub(crate) fn count() -> usize {
    RECORDS.len() / RECORD_BYTES
}

fn word(rank: usize, field: usize) -> [u8; 4] {
    let at = rank * RECORD_BYTES + field * 4;
    RECORDS[at..at + 4].try_into().expect("four bytes")
}

fn degrees(rank: usize, field: usize) -> f64 {
    f64::from(i32::from_le_bytes(word(rank, field))) / 100_000.0
}

fn ordered(order: &[u8], at: usize) -> Rank {
    Rank(u16::from_le_bytes([order[at * 2], order[at * 2 + 1]]))
}

/// The city with this rank.
pub(crate) fn city(rank: Rank) -> CityRecord {
    let at = usize::from(rank.0);
    let [_, _, zone @ ..] = word(at, 5);
    let region = region(rank);
    let country = at * RECORD_BYTES + 20;
    CityRecord {
        rank,
        id: u32::from_le_bytes(word(at, 0)),
        name: names(rank).next().unwrap_or_default(),
        country: std::str::from_utf8(&RECORDS[country..country + 2]).unwrap_or_default(),
        population: u32::from_le_bytes(word(at, 1)),
        latitude: degrees(at, 2),
        longitude: degrees(at, 3),
        time_zone: ZONES.get(usize::from(u16::from_le_bytes(zone))).copied().unwrap_or("UTC"),
        region: (region != u16::MAX).then_some(region),
    }
}

/// The names of a city as they are written, the main one first. Names that differ by accents alone are given once.
pub(crate) fn names(rank: Rank) -> impl Iterator<Item = &'static str> {
    let start = |at: usize| {
        if at < count() { u32::from_le_bytes(word(at, 4)) as usize } else { NAMES.len() }
    };
    let at = usize::from(rank.0);
    NAMES[start(at)..start(at + 1)].split('|')
}

/// The two letters of the country.
pub(crate) fn country(rank: Rank) -> &'static [u8] {
    let at = usize::from(rank.0) * RECORD_BYTES + 20;
    &RECORDS[at..at + 2]
}

/// The number of the region; `u16::MAX` if it is not known.
pub(crate) fn region(rank: Rank) -> u16 {
    let [region @ .., _, _] = word(usize::from(rank.0), 6);
    u16::from_le_bytes(region)
}

/// The number of inhabitants.
pub(crate) fn population(rank: Rank) -> u32 {
    u32::from_le_bytes(word(usize::from(rank.0), 1))
}

/// The rank of the city with this GeoNames id.
pub(crate) fn by_id(id: u32) -> Option<Rank> {
    let (mut low, mut high) = (0, count());
    while low < high {
        let middle = low.midpoint(high);
        let rank = ordered(BY_ID, middle);
        match u32::from_le_bytes(word(usize::from(rank.0), 0)).cmp(&id) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Some(rank),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

/// The rank of the city with the nearest centre, and the distance in metres. `None` if no city is within `metres_max`.
pub(crate) fn nearest(latitude: f64, longitude: f64, metres_max: f64) -> Option<(Rank, f64)> {
    let range = metres_max / METRES_PER_DEGREE_MIN;
    let (mut low, mut high) = (0, count());
    while low < high {
        let middle = low.midpoint(high);
        let north = degrees(usize::from(ordered(BY_LATITUDE, middle).0), 2);
        if north < latitude - range { low = middle + 1 } else { high = middle }
    }
    let near = (low..count()).map(|at| ordered(BY_LATITUDE, at));
    near.take_while(|rank| degrees(usize::from(rank.0), 2) <= latitude + range)
        .map(|rank| {
            let at = usize::from(rank.0);
            (rank, metres_between((latitude, longitude), (degrees(at, 2), degrees(at, 3))))
        })
        .filter(|(_, metres)| *metres <= metres_max)
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

/// The shortest length of a degree of latitude, so that a range in degrees is never too small.
const METRES_PER_DEGREE_MIN: f64 = 110_570.0;

/// The great-circle distance of two points (latitude and longitude in degrees), in metres, on a sphere. The error is at
/// most 0.6 %.
pub fn metres_between(from: (f64, f64), to: (f64, f64)) -> f64 {
    const RADIUS_METRES: f64 = 6_371_008.8;
    let (north, south) = (from.0.to_radians(), to.0.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let haversine = half(to.0 - from.0) + north.cos() * south.cos() * half(to.1 - from.1);
    2.0 * RADIUS_METRES * haversine.clamp(0.0, 1.0).sqrt().asin()
}
