//! Lookup of cities by a text that somebody types.

use super::areas::Area;
use super::cities::Cities;
use super::normalize::normalize;
use super::qualifier::{self, Qualified};
use super::ranking::{self, Candidate, MatchKind, Tier};
use super::records::{self, CityRecord, Rank};
use super::spelling::PREFIX_ORDER;
use super::typos::LETTERS_MAX;

/// The shortest text that is completed to names in other languages, in letters.
const OTHER_PREFIX_LETTERS_MIN: usize = 2;

/// The most cities of an area that are listed.
const AREA_CITIES_MAX: usize = 8;
/// The same for an area without hotels.
const AREA_CITIES_WITHOUT_HOTELS_MAX: usize = 3;

/// Endings of the names of cities and prefectures in Chinese and Japanese, which are often left out.
const HAN_SUFFIXES: [char; 7] = ['市', '都', '府', '县', '縣', '県', '시'];

/// A text and the circumstances in which it is typed.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// A name or the beginning of one, optionally followed by a region or a country.
    pub text: &'a str,
    /// The languages of the caller (ISO 639-1). Names in these languages count as much as English ones.
    pub languages: &'a [String],
    /// The number of hotels of a city.
    pub hotels: &'a dyn Fn(Rank) -> u32,
}

impl std::fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("text", &self.text).field("languages", &self.languages).finish()
    }
}

/// A city that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub city: CityRecord,
    pub kind: MatchKind,
    /// The name that matched, as it is written in its language: `Monaco di Baviera`.
    pub name: String,
}

impl Cities {
    /// The cities that a text can mean, the most likely one first, at most `limit`. A text without a letter or digit finds
    /// nothing, unless it is empty: then these are the most populous cities.
    pub fn find(&self, lookup: &Lookup<'_>, limit: usize) -> Vec<Found> {
        let text = truncated(lookup.text);
        if text.trim().is_empty() {
            let first = self.all().take(limit);
            return first
                .map(|city| Found { city, kind: MatchKind::Prefix, name: city.name.to_owned() })
                .collect();
        }
        let (name, mut candidates) = self.candidates(lookup, text, limit);
        candidates.truncate(limit);
        candidates.iter().map(|candidate| self.found(&name, candidate)).collect()
    }

    /// The first result of [`Cities::find`].
    pub fn first(&self, lookup: &Lookup<'_>) -> Option<Found> {
        if lookup.text.trim().is_empty() {
            return None;
        }
        self.find(lookup, 1).pop()
    }

    /// The normalized name that was looked up, and its candidates in order.
    fn candidates(&self, lookup: &Lookup<'_>, text: &str, limit: usize) -> (String, Vec<Candidate>) {
        let sought = qualifier::at_commas(&self.areas, text);
        if sought.name.is_empty() || limit == 0 {
            return (sought.name, Vec::new());
        }
        let found = self.matching(lookup, &sought, limit);
        if found.iter().any(|one| one.tier < Tier::OtherPrefix) {
            return (sought.name.clone(), self.with_similar(lookup, &sought, found));
        }
        if sought.areas.is_empty() {
            for split in qualifier::at_spaces(&self.areas, &sought.name) {
                let found = self.matching(lookup, &split, limit);
                if !found.is_empty() {
                    return (split.name, found);
                }
            }
        }
        if !found.is_empty() {
            return (sought.name.clone(), self.with_similar(lookup, &sought, found));
        }
        let stem = sought.name.strip_suffix(HAN_SUFFIXES).filter(|stem| stem.chars().count() > 1);
        let stem = stem.map(|stem| Qualified { name: stem.to_owned(), areas: Vec::new() });
        // GeoNames may not have the name in this script. Try a transliteration into Latin letters.
        let latin = (!sought.name.is_ascii())
            .then(|| Qualified { name: normalize(&deunicode::deunicode(&sought.name)), areas: Vec::new() });
        for further in stem.into_iter().chain(latin).filter(|further| !further.name.is_empty()) {
            let further = Qualified { name: further.name, areas: sought.areas.clone() };
            let found = self.matching(lookup, &further, limit);
            if !found.is_empty() {
                return (further.name, found);
            }
        }
        let mut found = self.misspelled(lookup, &sought);
        ranking::sort(&mut found);
        (sought.name, found)
    }

    /// Adds cities with hotels whose names are similar, if no city with hotels matches.
    fn with_similar(
        &self,
        lookup: &Lookup<'_>,
        sought: &Qualified,
        mut found: Vec<Candidate>,
    ) -> Vec<Candidate> {
        if found.iter().all(|one| !one.has_hotels) {
            let similar = self.misspelled(lookup, sought).into_iter();
            let similar = similar.filter(|one| one.has_hotels && one.errors == 1 && one.order < PREFIX_ORDER);
            let known: Vec<Rank> = found.iter().map(|one| one.rank).collect();
            found.extend(similar.filter(|one| !known.contains(&one.rank)));
            ranking::sort(&mut found);
        }
        found
    }

    /// The cities that match without typing errors, in order.
    fn matching(&self, lookup: &Lookup<'_>, sought: &Qualified, limit: usize) -> Vec<Candidate> {
        let name = sought.name.as_str();
        let mut found = Collected { cities: self, lookup, sought, candidates: Vec::new(), seen: Vec::new() };
        let letters = name.chars().count();

        for rank in self.main.named(name) {
            found.add_exact(rank);
        }
        for language in lookup.languages {
            self.languages
                .named(&format!("{language}{name}"))
                .into_iter()
                .for_each(|rank| found.add_exact(rank));
        }
        let codes = self.codes.named(name);
        // `CAN` is Guangzhou, `can` the beginning of Cancún.
        let first = lookup.text.trim();
        let capital = first.len() == name.len() && first.bytes().all(|byte| byte.is_ascii_uppercase());
        let (with_hotels, without): (Vec<u16>, Vec<u16>) =
            codes.into_iter().partition(|rank| (lookup.hotels)(Rank(*rank)) > 0);
        if capital {
            with_hotels.iter().for_each(|rank| found.add(*rank, MatchKind::Code, Tier::CapitalCode));
        }
        // Nothing comes before a city with hotels of exactly this name.
        if limit == 1 && found.candidates.iter().any(|one| one.tier <= Tier::Exact) {
            return found.sorted();
        }
        if sought.areas.is_empty() {
            self.areas.names.named(name).into_iter().for_each(|area| found.add_area(area, Tier::Area));
        }
        for language in lookup.languages {
            if let Some(node) = self.languages.walk(&format!("{language}{name}")) {
                self.languages.below(node, |rank| found.add(rank, MatchKind::Prefix, Tier::Prefix));
            }
        }
        if let Some(node) = self.main.walk(name) {
            self.main.below(node, |rank| found.add_prefix(rank, name));
        }
        for rank in with_hotels.into_iter().chain(without) {
            found.add(rank, MatchKind::Code, Tier::Code);
        }
        if sought.areas.is_empty() && letters > 3 {
            let mut areas = Vec::new();
            if let Some(node) = self.areas.names.walk(name) {
                self.areas.names.below(node, |area| areas.push(area));
            }
            areas.sort_unstable();
            areas.dedup();
            areas.into_iter().take(AREA_CITIES_MAX).for_each(|area| found.add_area(area, Tier::AreaPrefix));
        }
        if letters > 1
            && let Some(node) = self.words.walk(name)
        {
            self.words.below(node, |rank| found.add(rank, MatchKind::Word, Tier::Word));
        }
        for rank in self.others.named(name) {
            found.add(rank, MatchKind::OtherName, Tier::OtherExact);
        }
        if found.candidates.len() < limit && letters >= OTHER_PREFIX_LETTERS_MIN {
            if let Some(node) = self.others.walk(name) {
                self.others.below(node, |rank| found.add(rank, MatchKind::OtherPrefix, Tier::OtherPrefix));
            }
            let rules = self.transliterations.named(name);
            rules.into_iter().for_each(|rank| found.add(rank, MatchKind::OtherName, Tier::Transliteration));
        }
        found.sorted()
    }

    fn found(&self, name: &str, candidate: &Candidate) -> Found {
        let city = records::city(candidate.rank);
        let name = match candidate.kind {
            MatchKind::Code => name.to_uppercase(),
            MatchKind::Area => {
                let area = candidate.area.map(|number| self.areas.area(number));
                area.map_or(city.name, |area| self.areas.name(area, name)).to_owned()
            }
            MatchKind::Spelling => city.name.to_owned(),
            MatchKind::Name
            | MatchKind::Prefix
            | MatchKind::Word
            | MatchKind::OtherName
            | MatchKind::OtherPrefix => written(candidate.rank, name, candidate.kind),
        };
        Found { city, kind: candidate.kind, name }
    }
}

/// The name of a city that a normalized text matches, as it is written: the main name if it matches, otherwise the shortest one
/// that begins with the text or has a word that does.
fn written(rank: Rank, sought: &str, kind: MatchKind) -> String {
    let main = records::names(rank).next().unwrap_or_default();
    let mut best = (u8::MAX, usize::MAX, main);
    for name in records::names(rank) {
        let normalized = normalize(name);
        let how = if normalized == sought {
            0
        } else if normalized.starts_with(sought) && kind != MatchKind::Word {
            1
        } else if normalized.split(' ').any(|word| word.starts_with(sought)) || normalized.contains(sought) {
            2
        } else {
            continue;
        };
        // The main name is shown wherever it matches as well as another one.
        let length = if name == main { 0 } else { name.chars().count() };
        if (how, length) < (best.0, best.1) {
            best = (how, length, name);
        }
    }
    best.2.to_owned()
}

/// Text that is longer than any name is truncated.
fn truncated(text: &str) -> &str {
    let end = text.char_indices().nth(LETTERS_MAX * 2).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The candidates for one name. Each city is collected once, in its best tier: tiers are added from the best to the worst.
pub(crate) struct Collected<'a> {
    pub cities: &'a Cities,
    pub lookup: &'a Lookup<'a>,
    pub sought: &'a Qualified,
    pub candidates: Vec<Candidate>,
    /// Bit n: the city of rank n is a candidate.
    pub seen: Vec<u64>,
}

impl Collected<'_> {
    fn add_exact(&mut self, rank: u16) {
        let with_hotels = (self.lookup.hotels)(Rank(rank)) > 0;
        let tier = if with_hotels { Tier::Exact } else { Tier::ExactWithoutHotels };
        self.add(rank, MatchKind::Name, tier);
    }

    fn add(&mut self, rank: u16, kind: MatchKind, tier: Tier) {
        self.push(rank, kind, tier, None);
    }

    /// Adds a city, a name of which begins with the text: `to` is the beginning of Toronto rather than of Torino, which is shown
    /// as Turin.
    fn add_prefix(&mut self, rank: u16, text: &str) {
        let is_shown = || normalize(records::city(Rank(rank)).name).starts_with(text);
        let order = usize::from((self.lookup.hotels)(Rank(rank)) > 0 && !is_shown());
        self.push_candidate(Candidate {
            rank: Rank(rank),
            kind: MatchKind::Prefix,
            tier: Tier::Prefix,
            has_hotels: false,
            area: None,
            errors: 0,
            order,
        });
    }

    fn push(&mut self, rank: u16, kind: MatchKind, tier: Tier, area: Option<(u16, usize)>) {
        let (area, order) = area.map_or((None, 0), |(area, position)| (Some(area), position));
        self.push_candidate(Candidate {
            rank: Rank(rank),
            kind,
            tier,
            has_hotels: false,
            area,
            errors: 0,
            order,
        });
    }

    pub(crate) fn push_candidate(&mut self, candidate: Candidate) {
        if self.seen.is_empty() {
            self.seen = vec![0; records::count().div_ceil(64)];
        }
        let rank = candidate.rank;
        let (word, bit) = (usize::from(rank.0 / 64), 1u64 << (rank.0 % 64));
        if self.seen[word] & bit != 0 {
            return;
        }
        if !self.sought.areas.is_empty() && !self.sought.admits(&self.cities.areas, &records::city(rank)) {
            return;
        }
        self.seen[word] |= bit;
        let has_hotels = (self.lookup.hotels)(rank) > 0;
        self.candidates.push(Candidate { has_hotels, ..candidate });
    }

    /// Adds the cities of an area that have hotels; if none has, the most populous ones, in a worse tier.
    fn add_area(&mut self, number: u16, tier: Tier) {
        let area = self.cities.areas.area(number);
        let is_ordered = matches!(area, Area::Other(_));
        let ranks = self.cities.areas.cities(area);
        let mut shown: Vec<Rank> = ranks
            .iter()
            .copied()
            .filter(|rank| (self.lookup.hotels)(*rank) > 0)
            .take(AREA_CITIES_MAX)
            .collect();
        let mut tier = tier;
        if shown.is_empty() {
            shown = ranks.into_iter().take(AREA_CITIES_WITHOUT_HOTELS_MAX).collect();
            tier = tier.max(Tier::AreaPrefix);
        }
        for (position, rank) in shown.into_iter().enumerate() {
            let order = if is_ordered { position } else { 0 };
            self.push(rank.0, MatchKind::Area, tier, Some((number, order)));
        }
    }

    fn sorted(self) -> Vec<Candidate> {
        let mut candidates = self.candidates;
        ranking::sort(&mut candidates);
        candidates
    }
}
