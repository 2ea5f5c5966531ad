//! The world's cities of 15,000 inhabitants and more, and finding them by what guests type.
//!
//! Everything is laid out at build time (`build.rs`) and read in place: opening costs nothing, and only the pages that
//! are looked at come into memory.

mod countries;
mod lookup;
pub(crate) mod normalize;
mod records;
#[cfg(test)]
mod tests;
mod typos;

pub use countries::{Country, countries, country};
pub use lookup::Cities;
pub use records::{Place, Rank, metres_between};
