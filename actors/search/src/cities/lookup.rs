//! Finding cities by name, by id, and by where they are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fst::raw::{CompiledAddr, Fst};

use super::countries::code_of;
use super::normalize::normalize;
use super::records::{self, Place, Rank, metres_between};
use super::typos::{LETTERS_MAX, Pattern, Reading, forgiven};

static NAMES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/names.fst"));

/// Keys looked at for one list, at most: a city may have dozens of names with the same beginning.
const KEYS_MAX: usize = 4_000;

/// Nodes of the transducer read for one query with typing mistakes, at most: a bound on time, never met in practice.
const NODES_MAX: usize = 100_000;

/// A city whose whole name was typed comes before one whose name only begins so, unless that one is this many times as
/// populous (`mila` still means Milan to most).
const WHOLE_NAME_BONUS: u64 = 10;

/// The index of names. Cheap to make, and to clone.
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
    /// The index.
    ///
    /// # Panics
    /// When the program's own data is damaged.
    pub fn new() -> Self {
        Self { names: Fst::new(NAMES).expect("made by build.rs") }
    }

    /// How many cities there are.
    pub fn count(&self) -> usize {
        records::count()
    }

    /// All cities, most populous first.
    pub fn all(&self) -> impl Iterator<Item = Place> + use<> {
        (0..records::count() as u16).map(|rank| records::place(Rank(rank)))
    }

    /// The city of a rank that this index gave.
    pub fn place(&self, rank: Rank) -> Place {
        records::place(rank)
    }

    /// The city of GeoNames' id.
    pub fn by_id(&self, id: u32) -> Option<Place> {
        records::by_id(id).map(records::place)
    }

    /// The cities of exactly this name, in any language or script, most populous first.
    pub fn named(&self, name: &str) -> Vec<Place> {
        let (name, country) = with_country(name);
        let places = self.same_name(&normalize(name), usize::MAX).into_iter().map(records::place);
        places.filter(|place| country.is_none_or(|code| place.country == code)).collect()
    }

    /// What a guest may mean who has typed so much of a name: at most `limit` cities. Those that are called so, or
    /// begin so, first, the most populous of them first; then, if none is called so, those that would but for a typing
    /// mistake (one from 5 letters on, two from 9). Nothing typed: the most populous of all.
    pub fn complete(&self, typed: &str, limit: usize) -> Vec<Place> {
        let (name, country) = with_country(typed);
        let wanted = |place: &Place| country.is_none_or(|code| place.country == code);
        let folded = normalize(name);
        if folded.is_empty() {
            return self.all().filter(wanted).take(limit).collect();
        }
        let found = self.complete_folded(&folded, limit, &wanted);
        if !found.is_empty() || folded.is_ascii() {
            return found;
        }
        // A script in which GeoNames does not spell the city: as it sounds in Latin letters.
        self.complete_folded(&normalize(&deunicode::deunicode(&folded)), limit, &wanted)
    }

    /// The city that a guest means by a name: the most populous of that name, else the first completion.
    pub fn meant(&self, name: &str) -> Option<Place> {
        self.named(name).into_iter().next().or_else(|| self.complete(name, 1).into_iter().next())
    }

    /// The city whose centre is nearest, within so many metres.
    pub fn nearest(&self, latitude: f64, longitude: f64, metres_max: f64) -> Option<Place> {
        records::nearest(latitude, longitude, metres_max).map(|(rank, _)| records::place(rank))
    }

    /// The city of a hotel: of those called so in its country and within 50 km the most populous (a borough may share its
    /// city's name), else the nearest of that name; failing that the nearest of any name within 50 km, or on earth.
    pub fn of_hotel(&self, city: &str, country: &str, latitude: f64, longitude: f64) -> Place {
        const NEAR_METRES: f64 = 50_000.0;
        let sound = |degrees: f64| if degrees.is_finite() { degrees } else { 0.0 };
        let here = (sound(latitude), sound(longitude));
        let far = |place: &Place| metres_between(here, (place.latitude, place.longitude));
        let named = self.same_name(&normalize(city), usize::MAX).into_iter().map(records::place);
        let named: Vec<Place> = named.filter(|place| place.country == country).collect();
        let near = named.iter().find(|place| far(place) <= NEAR_METRES).copied();
        near.or_else(|| named.into_iter().min_by(|a, b| far(a).total_cmp(&far(b))))
            .or_else(|| self.nearest(here.0, here.1, NEAR_METRES))
            .or_else(|| self.nearest(here.0, here.1, f64::from(u32::MAX)))
            .unwrap_or_else(|| records::place(Rank(0)))
    }

    fn complete_folded(&self, folded: &str, limit: usize, wanted: &dyn Fn(&Place) -> bool) -> Vec<Place> {
        let mut found = Found { limit, wanted, places: Vec::new(), keys: 0 };
        if let Some((addr, output)) = self.walk(folded) {
            self.most_populous(&[(addr, output)], &mut found);
        }
        let whole: Vec<Rank> = self.same_name(folded, limit);
        for rank in &whole {
            found.add(*rank, usize::MAX);
        }
        // Three Latin letters are the beginning of a name, or an airport's code, but hardly ever a whole name.
        let bonus = if folded.is_ascii() && folded.len() < 4 { 1 } else { WHOLE_NAME_BONUS };
        let weight = |place: &Place| {
            let bonus = if whole.contains(&place.rank) { bonus } else { 1 };
            (Reverse(u64::from(place.population) * bonus), place.rank)
        };
        found.places.sort_by_key(weight);
        found.places.truncate(limit);
        if whole.is_empty() {
            let letters = folded.chars().count();
            for mistakes in 1..=forgiven(letters) {
                let before = found.places.len();
                let Some(pattern) = Pattern::new(folded, mistakes) else { break };
                let mut roots = Vec::new();
                self.spellings(&pattern, &mut roots);
                self.most_populous(&roots, &mut found);
                if found.places.len() > before {
                    break;
                }
            }
        }
        found.places
    }

    /// The node that a beginning leads to, and the least rank behind it.
    fn walk(&self, folded: &str) -> Option<(CompiledAddr, u64)> {
        let mut node = self.names.root();
        let mut output = 0;
        for byte in folded.bytes() {
            let transition = node.transition(node.find_input(byte)?);
            output += transition.out.value();
            node = self.names.node(transition.addr);
        }
        Some((node.addr(), output))
    }

    /// The cities of exactly this folded name, most populous first.
    fn same_name(&self, folded: &str, limit: usize) -> Vec<Rank> {
        let Some((addr, output)) = self.walk(folded) else { return Vec::new() };
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

    /// The cities behind some nodes, most populous first: best-first, since the way to a node sums up to the least rank
    /// behind it.
    fn most_populous(&self, roots: &[(CompiledAddr, u64)], found: &mut Found<'_>) {
        // The flag tells a whole name (first, as its rank is final) from a node to look behind.
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

    /// The nodes at which a name has been read that is the query but for mistakes.
    fn spellings(&self, pattern: &Pattern, roots: &mut Vec<(CompiledAddr, u64)>) {
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

/// A list being filled.
struct Found<'a> {
    limit: usize,
    wanted: &'a dyn Fn(&Place) -> bool,
    places: Vec<Place>,
    keys: usize,
}

impl Found<'_> {
    /// Adds a city unless it is there; whether more are wanted.
    fn add(&mut self, rank: Rank, limit: usize) -> bool {
        self.keys += 1;
        if self.places.len() < limit && !self.places.iter().any(|place| place.rank == rank) {
            let place = records::place(rank);
            if (self.wanted)(&place) {
                self.places.push(place);
            }
        }
        self.places.len() < limit && self.keys < KEYS_MAX
    }
}

/// `Paris, FR` and `Paris, France` name a country too. Overlong text is cut: no name is that long.
fn with_country(typed: &str) -> (&str, Option<&'static str>) {
    let end = typed.char_indices().nth(LETTERS_MAX * 2).map_or(typed.len(), |(at, _)| at);
    let typed = &typed[..end];
    let named = typed.rsplit_once(',').and_then(|(name, country)| Some((name, code_of(country)?)));
    named.map_or((typed, None), |(name, code)| (name, Some(code)))
}
