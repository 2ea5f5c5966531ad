//! The records of cities, as `build.rs` lays them out.

use std::sync::LazyLock;

static RECORDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/records.bin"));
static NAMES: &str = include_str!(concat!(env!("OUT_DIR"), "/names.txt"));
static ZONES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!(concat!(env!("OUT_DIR"), "/zones.txt")).lines().collect());
static BY_ID: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/by_id.bin"));
static BY_LATITUDE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/by_latitude.bin"));

const RECORD_BYTES: usize = 24;

/// A city's place when all are sorted by population: 0 is the most populous. Of this program's data only: never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank(pub u16);

/// A city.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// See [`Rank`].
    pub rank: Rank,
    /// GeoNames' id: the same in every version of the data.
    pub id: u32,
    /// In English, or as GeoNames calls it.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// Inhabitants.
    pub population: u32,
    /// Degrees north, of the centre.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name.
    pub time_zone: &'static str,
}

/// How many cities there are.
pub(super) fn count() -> usize {
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

/// The city of a rank that was found before.
pub(super) fn place(rank: Rank) -> Place {
    let at = usize::from(rank.0);
    let name_at = |at: usize| {
        if at < count() { u32::from_le_bytes(word(at, 4)) as usize } else { NAMES.len() }
    };
    let [_, _, zone @ ..] = word(at, 5);
    let country = at * RECORD_BYTES + 20;
    Place {
        rank,
        id: u32::from_le_bytes(word(at, 0)),
        name: &NAMES[name_at(at)..name_at(at + 1)],
        country: std::str::from_utf8(&RECORDS[country..country + 2]).unwrap_or_default(),
        population: u32::from_le_bytes(word(at, 1)),
        latitude: degrees(at, 2),
        longitude: degrees(at, 3),
        time_zone: ZONES.get(usize::from(u16::from_le_bytes(zone))).copied().unwrap_or("UTC"),
    }
}

/// The rank of GeoNames' id.
pub(super) fn by_id(id: u32) -> Option<Rank> {
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

/// The city whose centre is nearest, and how many metres that is; none when there is none within `metres_max`.
pub(super) fn nearest(latitude: f64, longitude: f64, metres_max: f64) -> Option<(Rank, f64)> {
    let reach = metres_max / METRES_A_DEGREE;
    let (mut low, mut high) = (0, count());
    while low < high {
        let middle = low.midpoint(high);
        let north = degrees(usize::from(ordered(BY_LATITUDE, middle).0), 2);
        if north < latitude - reach { low = middle + 1 } else { high = middle }
    }
    let near = (low..count()).map(|at| ordered(BY_LATITUDE, at));
    near.take_while(|rank| degrees(usize::from(rank.0), 2) <= latitude + reach)
        .map(|rank| {
            let at = usize::from(rank.0);
            (rank, metres_between((latitude, longitude), (degrees(at, 2), degrees(at, 3))))
        })
        .filter(|(_, metres)| *metres <= metres_max)
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

/// A degree of latitude; the shortest there is, so that a reach in degrees is never too short.
const METRES_A_DEGREE: f64 = 110_570.0;

/// The great-circle distance of two points (latitude, longitude in degrees), in metres, on a sphere: within 0.6 % of
/// the earth's.
pub fn metres_between(from: (f64, f64), to: (f64, f64)) -> f64 {
    const RADIUS_METRES: f64 = 6_371_008.8;
    let (north, south) = (from.0.to_radians(), to.0.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let haversine = half(to.0 - from.0) + north.cos() * south.cos() * half(to.1 - from.1);
    2.0 * RADIUS_METRES * haversine.clamp(0.0, 1.0).sqrt().asin()
}
