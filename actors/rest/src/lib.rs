//! REST types that several apis share, and their conversions from the types of contracts.
//!
//! The API's types are not the log's: they are converted by hand, here and in each service's `rest.rs`.
//!
//! Invariants:
//! - every string and list that comes in has a bound, and a mistake names its field;
//! - a malformed id in a path is the same 404 as an id of nothing.
//!
//! Deliberately absent: types of one API only; rules.

mod guest;
mod id;
mod money;
mod price;
pub mod scope;
mod stay;
mod timeline;

pub use guest::{Address, Guest};
pub use id::{id_in_body, id_in_path};
pub use money::{Money, currency};
pub use price::{Nightly, Tax, nightly, taxes};
pub use stay::{contract_date, date, stay};
pub use timeline::TimelineEntry;
