//! `users`: accounts, their roles, and mails to account holders.
//!
//! Invariants:
//! - an email address has at most one account, regardless of case; closing an account releases its address;
//! - no password and no tag of a link is in a log: the APIs propose hashes of them;
//! - an account with roles has a verified address;
//! - whoever has only a token with the scope `profile` can neither close the account nor change its address or password;
//! - registration and password reset do not reveal whether an address has an account.
//!
//! Deliberately absent: tokens and sessions (they belong to `auth`), bookings (they belong to `reservations`).

mod apply;
mod effects;
mod invariants;
mod links;
pub mod password;
mod query;
mod rest;
mod service;
mod state;

pub use effects::{TEMPLATES, UserEffects};
pub use rest::{Api, PROBLEMS};
pub use service::{Effect, Notice, Timer, Users};

#[cfg(test)]
mod tests;
