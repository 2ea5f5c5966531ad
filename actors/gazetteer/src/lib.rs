//! The cities of the world with 15,000 inhabitants or more, and their lookup by name, id and position.
//!
//! The data is laid out at build time (`build.rs`) and read in place. Opening it is free, and only the memory pages that are
//! used are loaded. How the results of a lookup are ordered is described in `ranking.rs`.
//!
//! Deliberately absent: hotels. Callers say how many hotels a city has, since cities with hotels come first.

mod areas;
mod cities;
mod countries;
mod location;
mod lookup;
mod names;
mod normalize;
mod qualifier;
mod ranking;
mod records;
mod spelling;
#[cfg(test)]
mod tests;
mod typos;

pub use cities::Cities;
pub use countries::{Country, countries, country};
pub use location::LocationError;
pub use lookup::{Found, Lookup};
pub use ranking::MatchKind;
pub use records::{CityRecord, Rank, metres_between};
