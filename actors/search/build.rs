//! Writes the data that `src/cities` reads without parsing: fixed-size records, and a transducer from normalized names to
//! cities. Names and queries are normalized by the same code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

#[path = "src/cities/normalize.rs"]
mod normalize;

/// The longest normalized name, in bytes. Longer ones are left out.
const NAME_BYTES_MAX: usize = 80;

/// The most cities that are indexed under one name. Less populous ones are left out.
const NAMESAKES_MAX: usize = 255;

struct City<'a> {
    id: u32,
    name: &'a str,
    country: &'a str,
    population: u32,
    latitude: i32,
    longitude: i32,
    zone: &'a str,
    further: &'a str,
}

fn main() {
    println!("cargo:rerun-if-changed=cities/cities.tsv.gz");
    println!("cargo:rerun-if-changed=src/cities/normalize.rs");
    println!("cargo:rerun-if-changed=build.rs");
    let mut text = String::new();
    let packed =
        std::fs::File::open("cities/cities.tsv.gz").expect("cities/cities.tsv.gz, written by cities/make.py");
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("a whole gzip file of UTF-8 text");
    let cities: Vec<City<'_>> = text.lines().map(read).collect();
    assert!(cities.len() <= usize::from(u16::MAX), "ranks are 16 bits");
    assert!(cities.is_sorted_by_key(|city| std::cmp::Reverse(city.population)), "most populous first");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    write_records(&out, &cities);
    write_orders(&out, &cities);
    write_names(&out, &cities);
}

fn read(line: &str) -> City<'_> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [id, name, country, population, latitude, longitude, zone, further] = fields[..] else {
        panic!("8 fields in `{line}`")
    };
    let number = |text: &str| -> i64 { text.parse().unwrap_or_else(|_| panic!("a number in `{line}`")) };
    City {
        id: number(id) as u32,
        name,
        country,
        population: number(population) as u32,
        latitude: number(latitude) as i32,
        longitude: number(longitude) as i32,
        zone,
        further,
    }
}

/// Writes `records.bin`, with 24 bytes for each city in the order of ranks: id, population, latitude, longitude, the offset of
/// the name in `names.txt` (each 32 bits, little endian), the two letters of the country, the index of the time zone in
/// `zones.txt`.
fn write_records(out: &Path, cities: &[City<'_>]) {
    let zones: BTreeSet<&str> = cities.iter().map(|city| city.zone).collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let (mut records, mut names) = (Vec::new(), String::new());
    for city in cities {
        let zone = zones.binary_search(&city.zone).expect("collected above") as u16;
        records.extend(city.id.to_le_bytes());
        records.extend(city.population.to_le_bytes());
        records.extend(city.latitude.to_le_bytes());
        records.extend(city.longitude.to_le_bytes());
        records.extend((names.len() as u32).to_le_bytes());
        records.extend(city.country.as_bytes());
        records.extend(zone.to_le_bytes());
        names.push_str(city.name);
    }
    write(out, "records.bin", &records);
    write(out, "names.txt", names.as_bytes());
    write(out, "zones.txt", zones.join("\n").as_bytes());
}

/// Writes `by_id.bin` and `by_latitude.bin`: ranks of 16 bits, sorted by id and by latitude.
fn write_orders(out: &Path, cities: &[City<'_>]) {
    let order = |file: &str, key: &dyn Fn(&City<'_>) -> i64| {
        let mut ranks: Vec<u16> = (0..cities.len() as u16).collect();
        ranks.sort_by_key(|rank| (key(&cities[usize::from(*rank)]), *rank));
        let bytes: Vec<u8> = ranks.iter().flat_map(|rank| rank.to_le_bytes()).collect();
        write(out, file, &bytes);
    };
    order("by_id.bin", &|city| i64::from(city.id));
    order("by_latitude.bin", &|city| i64::from(city.latitude));
}

/// Writes `names.fst`. It maps each normalized name to the rank of the most populous city with that name. The keys of further
/// cities with that name are the name, a zero byte, and a number from 1 on. Because ranks are outputs, the sum of outputs on
/// the path to a node is the lowest rank below it, so that a best-first search finds the most populous completions first.
fn write_names(out: &Path, cities: &[City<'_>]) {
    let mut names: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for (rank, city) in cities.iter().enumerate() {
        let all = std::iter::once(city.name).chain(city.further.split('|'));
        let folded: BTreeSet<String> = all.map(normalize::normalize).collect();
        for name in folded.into_iter().filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX) {
            names.entry(name).or_default().push(rank as u16);
        }
    }
    let mut index = fst::MapBuilder::memory();
    for (name, ranks) in &names {
        for (number, rank) in ranks.iter().take(NAMESAKES_MAX).enumerate() {
            let mut key = name.clone().into_bytes();
            if number > 0 {
                key.extend([0, number as u8]);
            }
            index.insert(key, u64::from(*rank)).expect("sorted names");
        }
    }
    write(out, "names.fst", &index.into_inner().expect("in memory"));
}

fn write(out: &Path, file: &str, bytes: &[u8]) {
    std::fs::write(out.join(file), bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
}
