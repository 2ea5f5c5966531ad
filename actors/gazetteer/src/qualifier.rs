//! The country or region after the name of a city: `Paris, Texas`, `Paris TX`, `London, Ontario, Canada`.

use super::areas::{Area, Areas};
use super::normalize::normalize;
use super::records::CityRecord;

/// A name, and the areas that the city must be in: one of each list.
#[derive(Debug, Default)]
pub(crate) struct Qualified {
    /// Normalized.
    pub name: String,
    pub areas: Vec<Vec<Area>>,
}

impl Qualified {
    pub fn admits(&self, areas: &Areas, city: &CityRecord) -> bool {
        self.areas.iter().all(|any| any.iter().any(|area| areas.contains(*area, city)))
    }
}

/// Splits at commas. What follows the first comma must name areas, else the text is one name.
pub(crate) fn at_commas(areas: &Areas, text: &str) -> Qualified {
    let mut parts = text.split(',').map(normalize).filter(|part| !part.is_empty());
    let name = parts.next().unwrap_or_default();
    let qualifying: Vec<Vec<Area>> = parts.map(|part| areas.qualifying(&part)).collect();
    if qualifying.iter().any(Vec::is_empty) {
        return Qualified { name: normalize(text), areas: Vec::new() };
    }
    Qualified { name, areas: qualifying }
}

/// The ways to split a name without a comma into a city and up to two areas, the longest area first.
pub(crate) fn at_spaces(areas: &Areas, name: &str) -> Vec<Qualified> {
    let mut splits = split_last(areas, name);
    for index in 0..splits.len() {
        for further in split_last(areas, &splits[index].name) {
            let last = splits[index].areas[0].clone();
            splits.push(Qualified { areas: further.areas.into_iter().chain([last]).collect(), ..further });
        }
    }
    splits
}

fn split_last(areas: &Areas, name: &str) -> Vec<Qualified> {
    /// The most words of an area.
    const WORDS_MAX: usize = 4;
    let spaces: Vec<usize> = name.match_indices(' ').map(|(at, _)| at).collect();
    let last = spaces.len().saturating_sub(WORDS_MAX);
    spaces[last..]
        .iter()
        .map(|at| Qualified { name: name[..*at].to_owned(), areas: vec![areas.qualifying(&name[at + 1..])] })
        .filter(|split| !split.areas[0].is_empty())
        .collect()
}
