//! What services may say to each other, one module each, and the words they share.
//!
//! These types are stored in logs for years: enums grow at their end only, and nothing here follows the REST apis,
//! which move faster (each API converts by hand).
//!
//! Deliberately absent: rules. A contract says what can be said, a service says what comes of it. The one exception is
//! [`pricing`], because search must show to the cent what reservations will ask.

pub mod auth;
pub mod payments;
pub mod pdf;
pub mod pricing;
pub mod reservations;
pub mod scope;
pub mod search;
mod types;
pub mod ui;
pub mod users;

pub use types::*;
