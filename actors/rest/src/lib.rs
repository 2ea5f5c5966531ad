//! REST types that several APIs share, and their conversions from and to the types of contracts; limits of attempts.
//!
//! It is a crate of its own because no other one may contain it: `contracts` must not depend on Poem, since state machines
//! use it, and `edge` must not depend on contracts, since it contains nothing about hotels.
//!
//! Invariants:
//! - every string and list of a request has a bound, and errors name the field;
//! - a malformed id in a path is answered with 404, like an unknown id.
//!
//! Deliberately absent: types of a single API; business rules.

pub mod attempts;
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
