//! The contracts of all services, one module each, and the value types that they share.
//!
//! Invariants:
//! - logs contain these types for years: variants of enums and fields are only appended;
//! - they are independent of the types of the REST APIs, which change more often. Each API converts them.
//!
//! Deliberately absent: business rules, which belong to the services. The exceptions are [`pricing`], because search must show
//! the exact price that reservations quotes; which hotels a caller manages ([`manages_hotel`]); and how attempts are delayed
//! ([`auth::count_attempt`]).

#[macro_use]
mod request;

pub mod auth;
mod managed;
pub mod payments;
pub mod pdf;
pub mod pricing;
pub mod reservations;
pub mod scope;
pub mod search;
mod types;
pub mod ui;
pub mod users;

pub use managed::{ALL_HOTELS, managed_hotels, manages_all_hotels, manages_hotel};
pub use types::*;
