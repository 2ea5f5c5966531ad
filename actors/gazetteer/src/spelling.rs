//! Lookup of names with typing errors.

use super::cities::Cities;
use super::lookup::{Collected, Lookup};
use super::qualifier::Qualified;
use super::ranking::{Candidate, MatchKind, Tier};
use super::records::Rank;
use super::typos::{Pattern, errors_allowed};

/// Shorter texts match whole names of cities with hotels only: anything resembles the beginning of some name.
const PREFIX_LETTERS_MIN: usize = 5;

/// The order of candidates of which only the beginning of a name is similar. Before them are those with similar names in English
/// or the local language (0) and in other languages (1).
pub(crate) const PREFIX_ORDER: usize = 2;

impl Cities {
    /// The cities that match with typing errors. Their names begin with the same two letters as the text, which may be
    /// transposed.
    pub(crate) fn misspelled(&self, lookup: &Lookup<'_>, sought: &Qualified) -> Vec<Candidate> {
        let letters = sought.name.chars().count();
        let mut found = Collected { cities: self, lookup, sought, candidates: Vec::new(), seen: Vec::new() };
        for errors in 1..=errors_allowed(letters) {
            let Some(pattern) = Pattern::new(&sought.name, errors) else { break };
            let similar = [&self.main, &self.others].map(|names| (names, names.similar(&pattern)));
            let mut add = |rank: u16, order: usize| {
                let (kind, tier) = (MatchKind::Spelling, Tier::Spelling);
                let rank = Rank(rank);
                found.push_candidate(Candidate {
                    rank,
                    kind,
                    tier,
                    has_hotels: false,
                    area: None,
                    errors,
                    order,
                });
            };
            for (order, (names, nodes)) in similar.iter().enumerate() {
                for rank in nodes.iter().flat_map(|node| names.whole(*node)) {
                    if letters >= PREFIX_LETTERS_MIN || (lookup.hotels)(Rank(rank)) > 0 {
                        add(rank, order);
                    }
                }
            }
            if letters >= PREFIX_LETTERS_MIN {
                for (names, nodes) in &similar {
                    nodes.iter().for_each(|node| names.below(*node, |rank| add(rank, PREFIX_ORDER)));
                }
            }
            // One error more is tried while no city with hotels is found.
            if found.candidates.iter().any(|one| one.has_hotels) {
                break;
            }
        }
        found.candidates
    }
}
