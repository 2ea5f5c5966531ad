//! Writes the data that the crate reads without parsing: fixed-size records, and transducers from normalized names to cities.
//! Names and queries are normalized by the same code.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

#[path = "src/normalize.rs"]
mod normalize;

use normalize::normalize;

/// The longest normalized name, in bytes. Longer ones are left out.
const NAME_BYTES_MAX: usize = 80;

/// The most places that are indexed under one name. Less populous ones are left out.
const NAMESAKES_MAX: usize = 255;

/// The shortest word within a name that is indexed, in letters: shorter ones are articles and prepositions.
const WORD_LETTERS_MIN: usize = 3;

struct City<'a> {
    id: u32,
    name: &'a str,
    country: &'a str,
    region: &'a str,
    population: u32,
    latitude: i32,
    longitude: i32,
    zone: &'a str,
    further: &'a str,
}

fn main() {
    for file in ["cities.tsv.gz", "countries.tsv", "regions.tsv", "languages.tsv", "codes.tsv", "areas.tsv"] {
        println!("cargo:rerun-if-changed=data/{file}");
    }
    println!("cargo:rerun-if-changed=src/normalize.rs");
    println!("cargo:rerun-if-changed=build.rs");
    let mut text = String::new();
    let packed =
        std::fs::File::open("data/cities.tsv.gz").expect("data/cities.tsv.gz, written by data/make.py");
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("a whole gzip file of UTF-8 text");
    let cities: Vec<City<'_>> = text.lines().map(read).collect();
    assert!(cities.len() < usize::from(u16::MAX), "ranks are 16 bits");
    assert!(cities.is_sorted_by_key(|city| std::cmp::Reverse(city.population)), "most populous first");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let regions = read_file("regions.tsv");
    write_records(&out, &cities, &regions);
    write_orders(&out, &cities);
    write_names(&out, &cities);
    write_codes(&out, &cities);
    write_areas(&out, &cities, &regions);
}

fn read(line: &str) -> City<'_> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [id, name, country, region, population, latitude, longitude, zone, further] = fields[..] else {
        panic!("9 fields in `{line}`")
    };
    let number = |text: &str| -> i64 { text.parse().unwrap_or_else(|_| panic!("a number in `{line}`")) };
    City {
        id: number(id) as u32,
        name,
        country,
        region,
        population: number(population) as u32,
        latitude: number(latitude) as i32,
        longitude: number(longitude) as i32,
        zone,
        further,
    }
}

/// The lines of a file, without comments, each as its fields.
fn read_file(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new("data").join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Writes `records.bin`, with 28 bytes for each city in the order of ranks: id, population, latitude, longitude, the offset of
/// its names in `names.txt` (each 32 bits, little endian), the two letters of the country, the index of the time zone in
/// `zones.txt`, the index of the region in `regions.tsv`, two zero bytes. The names of a city are separated by `|`; the first
/// one is its main name.
fn write_records(out: &Path, cities: &[City<'_>], regions: &[Vec<String>]) {
    let zones: BTreeSet<&str> = cities.iter().map(|city| city.zone).collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let regions: HashMap<(&str, &str), u16> = (0..)
        .zip(regions)
        .map(|(number, fields)| ((fields[0].as_str(), fields[1].as_str()), number))
        .collect();
    let by_language = names_by_language();
    let (mut records, mut names) = (Vec::new(), String::new());
    for city in cities {
        let zone = zones.binary_search(&city.zone).expect("collected above") as u16;
        let region = regions.get(&(city.country, city.region)).copied().unwrap_or(u16::MAX);
        records.extend(city.id.to_le_bytes());
        records.extend(city.population.to_le_bytes());
        records.extend(city.latitude.to_le_bytes());
        records.extend(city.longitude.to_le_bytes());
        records.extend((names.len() as u32).to_le_bytes());
        records.extend(city.country.as_bytes());
        records.extend(zone.to_le_bytes());
        records.extend(region.to_le_bytes());
        records.extend([0, 0]);
        names.push_str(city.name);
        // The spelling of a language comes before others that are normalized to the same name.
        let own = by_language.get(&city.id).into_iter().flatten().map(|(_, name)| name.as_str());
        let shown = own.chain(city.further.split('|').filter(|name| kind(name) == Kind::Name));
        let mut seen = BTreeSet::from([normalize(city.name)]);
        for name in shown.filter(|name| seen.insert(normalize(name))) {
            names.push('|');
            names.push_str(name);
        }
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

#[derive(PartialEq, Eq)]
enum Kind {
    Name,
    /// Three capital letters: the code of an airport.
    Code,
    /// Latin letters that begin with a small one: transliterations by rule, which nobody writes.
    Transliteration,
}

fn kind(name: &str) -> Kind {
    let first = name.chars().find(|letter| letter.is_alphabetic());
    if name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Kind::Code
    } else if first.is_some_and(|letter| is_latin(letter) && letter.is_lowercase()) {
        Kind::Transliteration
    } else {
        Kind::Name
    }
}

/// Whether this is a letter of the Latin script, or a modifier letter of transliterations (`ʼstnh`).
fn is_latin(letter: char) -> bool {
    letter.is_ascii_alphabetic() || matches!(letter, '\u{aa}'..='\u{2ff}' | '\u{1e00}'..='\u{1eff}')
}

/// The names of `languages.tsv`: languages and names by city.
fn names_by_language() -> BTreeMap<u32, Vec<(String, String)>> {
    let mut names: BTreeMap<u32, Vec<(String, String)>> = BTreeMap::new();
    for fields in read_file("languages.tsv") {
        let [language, id, name] = &fields[..] else { panic!("3 fields in {fields:?}") };
        names.entry(id.parse().expect("an id")).or_default().push((language.clone(), name.clone()));
    }
    names
}

/// The languages of each country: `de-AT` is `de`.
fn languages_of_countries() -> BTreeMap<String, BTreeSet<String>> {
    let language = |tag: &str| tag.split('-').next().unwrap_or_default().to_owned();
    read_file("countries.tsv")
        .into_iter()
        .map(|fields| (fields[0].clone(), fields[4].split(',').take(4).map(language).collect()))
        .collect()
}

/// Writes a transducer for each way in which a name can match: `main.fst` (names in English and in the languages of the country,
/// and all names in other scripts than Latin), `words.fst` (what follows the first word of such names), `languages.fst` (names in
/// Latin letters after two letters of their language), `others.fst`, and `transliterations.fst`.
fn write_names(out: &Path, cities: &[City<'_>]) {
    let by_language = names_by_language();
    let languages = languages_of_countries();
    let mut main = Index::default();
    let (mut words, mut tagged, mut others, mut rules) =
        (Index::default(), Index::default(), Index::default(), Index::default());
    for (rank, city) in (0..).zip(cities) {
        main.add(&normalize(city.name), rank);
        for (language, name) in by_language.get(&city.id).into_iter().flatten() {
            let name = normalize(name);
            let local = languages.get(city.country).is_some_and(|spoken| spoken.contains(language));
            if language == "en" || local || !name.chars().any(is_latin) {
                main.add(&name, rank);
            }
            tagged.add(&format!("{language}{name}"), rank);
            others.add(&name, rank);
        }
        for name in city.further.split('|') {
            let normalized = normalize(name);
            match kind(name) {
                Kind::Code => {}
                Kind::Transliteration => rules.add(&normalized, rank),
                Kind::Name if name.chars().filter(|letter| letter.is_alphabetic()).all(is_latin) => {
                    others.add(&normalized, rank);
                }
                Kind::Name => main.add(&normalized, rank),
            }
        }
    }
    let names: Vec<(String, Vec<u16>)> =
        main.0.iter().map(|(name, ranks)| (name.clone(), ranks.iter().copied().collect())).collect();
    for (name, ranks) in &names {
        for (at, _) in name.match_indices(' ') {
            let rest = &name[at + 1..];
            let first = rest.split(' ').next().unwrap_or_default();
            if first.chars().count() >= WORD_LETTERS_MIN {
                ranks.iter().for_each(|rank| words.add(rest, *rank));
            }
        }
        // `newyork`
        if name.contains(' ') {
            ranks.iter().for_each(|rank| others.add(&name.replace(' ', ""), *rank));
        }
    }
    for (file, index) in [
        ("main.fst", main),
        ("words.fst", words),
        ("languages.fst", tagged),
        ("others.fst", others),
        ("transliterations.fst", rules),
    ] {
        write(out, file, &index.build());
    }
}

fn write_codes(out: &Path, cities: &[City<'_>]) {
    let ranks: HashMap<u32, u16> = (0..).zip(cities).map(|(rank, city)| (city.id, rank)).collect();
    let mut codes = Index::default();
    for fields in read_file("codes.tsv") {
        let id: u32 = fields[1].parse().expect("an id");
        codes.add(&normalize(&fields[0]), ranks[&id]);
    }
    write(out, "codes.fst", &codes.build());
}

/// Writes `areas.fst`: names of countries, regions and other areas. Their numbers count the lines of `countries.tsv`, then those
/// of `regions.tsv`, then those of `areas.tsv`. `area_cities.bin` has the cities of the lines of `areas.tsv`: 4 ranks each,
/// `u16::MAX` for none.
fn write_areas(out: &Path, cities: &[City<'_>], regions: &[Vec<String>]) {
    let mut areas = Index::default();
    let mut number = 0;
    let generic = generic_words(regions);
    let is_generic = |name: &str| name.split_once(' ').is_some_and(|(first, _)| generic.contains(first));
    for fields in read_file("countries.tsv") {
        for name in std::iter::once(fields[1].as_str()).chain(fields[5].split('|')) {
            areas.add(&normalize(name), number);
        }
        number += 1;
    }
    for fields in regions {
        areas.add(&normalize(&fields[3]), number);
        for name in fields[4].split('|').map(normalize).filter(|name| !is_generic(name)) {
            areas.add(&name, number);
        }
        number += 1;
    }
    let mut members: Vec<u8> = Vec::new();
    let mut by_name: HashMap<(String, &str), u16> = HashMap::new();
    for further in [false, true] {
        for (rank, city) in (0..).zip(cities) {
            let names = if further { city.further.split('|') } else { city.name.split('|') };
            names.for_each(|name| {
                by_name.entry((normalize(name), city.country)).or_insert(rank);
            });
        }
    }
    for fields in read_file("areas.tsv") {
        fields[0].split('|').for_each(|name| areas.add(&normalize(name), number));
        let mut ranks = [u16::MAX; 4];
        for (rank, key) in ranks.iter_mut().zip(fields[1].split(", ")) {
            let (name, country) =
                key.rsplit_once(' ').unwrap_or_else(|| panic!("a city and a country in {key}"));
            *rank = *by_name.get(&(normalize(name), country)).unwrap_or_else(|| panic!("no city {key}"));
        }
        members.extend(ranks.iter().flat_map(|rank| rank.to_le_bytes()));
        number += 1;
    }
    write(out, "areas.fst", &areas.build());
    write(out, "area_cities.bin", &members);
}

/// Words with which the further names of many regions begin, such as `province` and `kanton`: nobody looks for a region by them.
fn generic_words(regions: &[Vec<String>]) -> BTreeSet<String> {
    const REGIONS_MIN: usize = 8;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for fields in regions {
        let names = fields[4].split('|').map(normalize);
        let first: BTreeSet<String> =
            names.filter_map(|name| name.split_once(' ').map(|(first, _)| first.to_owned())).collect();
        first.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    counts.into_iter().filter(|(_, count)| *count >= REGIONS_MIN).map(|(word, _)| word).collect()
}

/// Numbers by normalized name.
#[derive(Default)]
struct Index(BTreeMap<String, BTreeSet<u16>>);

impl Index {
    fn add(&mut self, name: &str, number: u16) {
        if !name.is_empty() && name.len() <= NAME_BYTES_MAX {
            self.0.entry(name.to_owned()).or_default().insert(number);
        }
    }

    /// A transducer from each name to its lowest number. The keys of further numbers are the name, a zero byte, and a count from
    /// 1 on.
    fn build(self) -> Vec<u8> {
        let mut index = fst::MapBuilder::memory();
        for (name, numbers) in &self.0 {
            for (count, number) in numbers.iter().take(NAMESAKES_MAX).enumerate() {
                let mut key = name.clone().into_bytes();
                if count > 0 {
                    key.extend([0, count as u8]);
                }
                index.insert(key, u64::from(*number)).expect("sorted names");
            }
        }
        index.into_inner().expect("in memory")
    }
}

fn write(out: &Path, file: &str, bytes: &[u8]) {
    std::fs::write(out.join(file), bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
}
