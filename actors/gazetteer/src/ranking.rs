//! The order of the results of a lookup.
//!
//! | tier | what matches |
//! |---|---|
//! | exact | a whole name in English, in a language of the country, in a language of the caller, or in another script |
//! | prefix | the beginning of such a name |
//! | word | the beginning of a later word of such a name |
//! | other exact | a whole name in another language |
//! | other prefix | the beginning of such a name |
//! | spelling | a name with typing errors, if nothing else matches, or only cities without hotels do |
//!
//! Within a tier, cities with hotels come first, then the more populous ones. A code (`NYC`) that is written in capital letters is
//! exact. The cities of an area (`Tuscany`) come after cities with hotels of that name.
//!
//! A city without hotels gives way to a much more populous one with hotels whose name begins with the text, or is the text in
//! another language: `mil` and `mila` are the beginning of Milan rather than the town of Mila, and `Pekin` is Beijing rather
//! than a town in Illinois.

use super::records::{Rank, population};

/// How a city matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchKind {
    /// A whole name.
    Name,
    /// The beginning of a name.
    Prefix,
    /// A later word of a name, or its beginning.
    Word,
    /// A whole name in another language.
    OtherName,
    /// The beginning of a name in another language.
    OtherPrefix,
    /// The code of an airport or of a metropolitan area, or an abbreviation.
    Code,
    /// A country, a region or another area that contains the city.
    Area,
    /// A name with typing errors.
    Spelling,
}

/// A city that matches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub rank: Rank,
    pub kind: MatchKind,
    pub tier: Tier,
    pub has_hotels: bool,
    /// The number of the area, for [`MatchKind::Area`].
    pub area: Option<u16>,
    /// For [`Tier::Spelling`]: the number of errors.
    pub errors: usize,
    /// The order of candidates of one tier that are alike otherwise: the position in an area, the kind of a misspelled name.
    pub order: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    CapitalCode,
    Exact,
    Area,
    ExactWithoutHotels,
    Prefix,
    Code,
    Word,
    AreaPrefix,
    OtherExact,
    OtherPrefix,
    Transliteration,
    Spelling,
}

/// How many times more populous a city with hotels must be than one without, to come before it although only the beginning of its
/// name matches, or a name in another language.
const PREFIX_FACTOR: u64 = 3;
const OTHER_NAME_FACTOR: u64 = 20;

/// Sorts, best first.
pub(crate) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|one| (one.tier, one.errors, !one.has_hotels, one.order, one.rank));
    for at in 1..candidates.len() {
        let mut place = at;
        while place > 0 && precedes(&candidates[place], &candidates[place - 1]) {
            candidates.swap(place, place - 1);
            place -= 1;
        }
    }
}

/// Whether a city with hotels comes before one of a better tier that has none.
fn precedes(one: &Candidate, better: &Candidate) -> bool {
    let factor = match (one.tier, better.tier) {
        (Tier::Prefix | Tier::Code, Tier::ExactWithoutHotels) => PREFIX_FACTOR,
        (Tier::OtherExact, Tier::ExactWithoutHotels | Tier::Area) => OTHER_NAME_FACTOR,
        (
            Tier::Code | Tier::Word | Tier::AreaPrefix | Tier::OtherExact,
            Tier::Prefix | Tier::Code | Tier::Word | Tier::AreaPrefix,
        ) => 1,
        // What begins like a name that hardly anybody writes is rather the misspelled name of a larger city.
        (Tier::Spelling, Tier::OtherPrefix | Tier::Transliteration) => PREFIX_FACTOR,
        _ => return false,
    };
    one.has_hotels
        && !better.has_hotels
        && u64::from(population(one.rank)) >= factor * u64::from(population(better.rank))
}
