//! Lookup of cities by name, id and position.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fst::raw::{CompiledAddr, Fst};

use super::countries::code_of;
use super::normalize::normalize;
use super::records::{self, CityRecord, Rank, metres_between};
use super::typos::{LETTERS_MAX, Pattern, Reading, errors_allowed};

static NAMES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/names.fst"));

/// The most keys that are read for one list. A city can have dozens of names with the same beginning.
const KEYS_MAX: usize = 4_000;

/// The most nodes of the transducer that are read for one query with typing errors. This bounds the time of a query, and is
/// not reached in practice.
const NODES_MAX: usize = 100_000;

/// The weight of a city whose whole name was typed, relative to cities whose names begin with the text. `mila` still finds
/// Milan first, which is more than this many times as populous as Mila.
const WHOLE_NAME_BONUS: u64 = 10;

/// The index of names. It is cheap to create and to clone.
#[derive(Clone)]
pub struct Cities {
    names: Fst<&'static [u8]>,
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
        Self { names: Fst::new(NAMES).expect("written by build.rs") }
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
        let (name, country) = split_country(name);
        let cities = self.same_name(&normalize(name), usize::MAX).into_iter().map(records::city);
        cities.filter(|record| country.is_none_or(|code| record.country == code)).collect()
    }

    /// Completes the beginning of a name to at most `limit` cities. Cities whose names equal or begin with the text are first,
    /// the most populous first. If no name equals the text, they are followed by cities whose names match with typing errors
    /// (one from 5 letters on, two from 9). An empty text gives the most populous cities.
    pub fn complete(&self, typed: &str, limit: usize) -> Vec<CityRecord> {
        let (name, country) = split_country(typed);
        let wanted = |record: &CityRecord| country.is_none_or(|code| record.country == code);
        let normalized = normalize(name);
        if normalized.is_empty() {
            return self.all().filter(wanted).take(limit).collect();
        }
        let found = self.complete_normalized(&normalized, limit, &wanted);
        if !found.is_empty() || normalized.is_ascii() {
            return found;
        }
        // GeoNames may not have the name in this script. Try a transliteration into Latin letters.
        self.complete_normalized(&normalize(&deunicode::deunicode(&normalized)), limit, &wanted)
    }

    /// The best match for a name: the most populous city with that name, otherwise the first completion.
    pub fn meant(&self, name: &str) -> Option<CityRecord> {
        self.named(name).into_iter().next().or_else(|| self.complete(name, 1).into_iter().next())
    }

    /// The city with the nearest centre, if it is within `metres_max`.
    pub fn nearest(&self, latitude: f64, longitude: f64, metres_max: f64) -> Option<CityRecord> {
        records::nearest(latitude, longitude, metres_max).map(|(rank, _)| records::city(rank))
    }

    /// The city of a hotel: the most populous city with that name in the country within 50 km (a borough may share the name of
    /// its city); otherwise the nearest city with that name in the country; otherwise the nearest city.
    pub fn of_hotel(&self, city: &str, country: &str, latitude: f64, longitude: f64) -> CityRecord {
        const NEAR_METRES: f64 = 50_000.0;
        let finite = |degrees: f64| if degrees.is_finite() { degrees } else { 0.0 };
        let here = (finite(latitude), finite(longitude));
        let distance = |record: &CityRecord| metres_between(here, (record.latitude, record.longitude));
        let named = self.same_name(&normalize(city), usize::MAX).into_iter().map(records::city);
        let named: Vec<CityRecord> = named.filter(|record| record.country == country).collect();
        let near = named.iter().find(|record| distance(record) <= NEAR_METRES).copied();
        near.or_else(|| named.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))))
            .or_else(|| self.nearest(here.0, here.1, NEAR_METRES))
            .or_else(|| self.nearest(here.0, here.1, f64::from(u32::MAX)))
            .unwrap_or_else(|| records::city(Rank(0)))
    }

    fn complete_normalized(
        &self,
        normalized: &str,
        limit: usize,
        wanted: &dyn Fn(&CityRecord) -> bool,
    ) -> Vec<CityRecord> {
        let mut found = Found { limit, wanted, cities: Vec::new(), keys: 0 };
        if let Some((addr, output)) = self.walk(normalized) {
            self.most_populous(&[(addr, output)], &mut found);
        }
        let whole: Vec<Rank> = self.same_name(normalized, limit);
        for rank in &whole {
            found.add(*rank, usize::MAX);
        }
        // Three Latin letters are the beginning of a name or an airport code, and rarely a whole name.
        let bonus = if normalized.is_ascii() && normalized.len() < 4 { 1 } else { WHOLE_NAME_BONUS };
        let weight = |record: &CityRecord| {
            let bonus = if whole.contains(&record.rank) { bonus } else { 1 };
            (Reverse(u64::from(record.population) * bonus), record.rank)
        };
        found.cities.sort_by_key(weight);
        found.cities.truncate(limit);
        if whole.is_empty() {
            let letters = normalized.chars().count();
            for errors in 1..=errors_allowed(letters) {
                let before = found.cities.len();
                let Some(pattern) = Pattern::new(normalized, errors) else { break };
                let mut roots = Vec::new();
                self.matching_nodes(&pattern, &mut roots);
                self.most_populous(&roots, &mut found);
                if found.cities.len() > before {
                    break;
                }
            }
        }
        found.cities
    }

    /// The node after the text, and the lowest rank below it.
    fn walk(&self, normalized: &str) -> Option<(CompiledAddr, u64)> {
        let mut node = self.names.root();
        let mut output = 0;
        for byte in normalized.bytes() {
            let transition = node.transition(node.find_input(byte)?);
            output += transition.out.value();
            node = self.names.node(transition.addr);
        }
        Some((node.addr(), output))
    }

    /// The cities with exactly this normalized name, most populous first.
    fn same_name(&self, normalized: &str, limit: usize) -> Vec<Rank> {
        let Some((addr, output)) = self.walk(normalized) else { return Vec::new() };
        let node = self.names.node(addr);
        let mut ranks = Vec::new();
        if node.is_final() {
            ranks.push(Rank((output + node.final_output().value()) as u16));
        }
        if let Some(namesakes) = node.find_input(0).map(|at| node.transition(at)) {
            let output = output + namesakes.out.value();
            for transition in self.names.node(namesakes.addr).transitions() {
                let last = self.names.node(transition.addr).final_output().value();
                ranks.push(Rank((output + transition.out.value() + last) as u16));
            }
        }
        ranks.truncate(limit);
        ranks
    }

    /// Adds the cities below some nodes, most populous first. This is a best-first search: the sum of outputs on the path to a
    /// node is the lowest rank below it.
    fn most_populous(&self, roots: &[(CompiledAddr, u64)], found: &mut Found<'_>) {
        // The flag is false for a whole name, whose rank is final and which comes first, and true for an unread node.
        let mut queue: BinaryHeap<Reverse<(u64, bool, CompiledAddr)>> =
            roots.iter().map(|(addr, output)| Reverse((*output, true, *addr))).collect();
        while let Some(Reverse((output, unread, addr))) = queue.pop() {
            if !unread {
                if !found.add(Rank(output as u16), found.limit) {
                    return;
                }
                continue;
            }
            let node = self.names.node(addr);
            if node.is_final() {
                queue.push(Reverse((output + node.final_output().value(), false, addr)));
            }
            for transition in node.transitions() {
                queue.push(Reverse((output + transition.out.value(), true, transition.addr)));
            }
        }
    }

    /// Collects the nodes at which a name matches the query with typing errors.
    fn matching_nodes(&self, pattern: &Pattern, roots: &mut Vec<(CompiledAddr, u64)>) {
        let mut unread: Vec<(CompiledAddr, u64, Reading)> =
            vec![(self.names.root().addr(), 0, pattern.start())];
        let mut nodes = 0;
        while let Some((addr, output, reading)) = unread.pop() {
            nodes += 1;
            if nodes > NODES_MAX {
                return;
            }
            for transition in self.names.node(addr).transitions().filter(|transition| transition.inp != 0) {
                let Some(next) = pattern.read(reading, transition.inp) else { continue };
                let output = output + transition.out.value();
                if pattern.matches(&next) {
                    roots.push((transition.addr, output));
                } else {
                    unread.push((transition.addr, output, next));
                }
            }
        }
    }
}

/// The results of a lookup.
struct Found<'a> {
    limit: usize,
    wanted: &'a dyn Fn(&CityRecord) -> bool,
    cities: Vec<CityRecord>,
    keys: usize,
}

impl Found<'_> {
    /// Adds a city unless it is already there. Returns whether the search continues.
    fn add(&mut self, rank: Rank, limit: usize) -> bool {
        self.keys += 1;
        if self.cities.len() < limit && !self.cities.iter().any(|record| record.rank == rank) {
            let record = records::city(rank);
            if (self.wanted)(&record) {
                self.cities.push(record);
            }
        }
        self.cities.len() < limit && self.keys < KEYS_MAX
    }
}

/// Splits `Paris, FR` or `Paris, France` into a name and a country. Text that is longer than any name is truncated.
fn split_country(typed: &str) -> (&str, Option<&'static str>) {
    let end = typed.char_indices().nth(LETTERS_MAX * 2).map_or(typed.len(), |(at, _)| at);
    let typed = &typed[..end];
    let named = typed.rsplit_once(',').and_then(|(name, country)| Some((name, code_of(country)?)));
    named.map_or((typed, None), |(name, code)| (name, Some(code)))
}
