//! The cities of the world with 15,000 inhabitants or more, and their lookup by name, id and position.
//!
//! The data is laid out at build time (`build.rs`) and read in place. Opening it is free, and only the memory pages that are
//! used are loaded.

mod countries;
mod lookup;
pub(crate) mod normalize;
mod records;
#[cfg(test)]
mod tests;
mod typos;

pub use countries::{Country, countries, country};
pub use lookup::Cities;
pub use records::{CityRecord, Rank, metres_between};
