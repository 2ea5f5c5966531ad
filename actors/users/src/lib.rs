//! `users`: stores who has an account, and writes to them.
//!
//! Invariants:
//! - one account an address, whatever its capitals; a closed account frees its address;
//! - no password and no link's tag is in a log: apis propose hashes of both;
//! - to register an address, or to ask for its reset, is answered the same whether it is known.
//!
//! Deliberately absent: tokens and sessions (they are `auth`'s), the guest's bookings (they are `reservations`').

mod apply;
mod effects;
mod invariants;
pub mod password;
mod query;
mod rest;
mod service;
mod state;

pub use effects::{MailRoom, TEMPLATES};
pub use rest::{Api, PROBLEMS};
pub use service::{Effect, Timer, Users};

#[cfg(test)]
mod tests;
