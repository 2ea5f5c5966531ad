//! Deterministic simulation: all services run in one thread from a seed. Messages are lost, duplicated and delayed, the bank
//! responds late and twice, leaders change, replicas restart from their last flush, and every invariant is checked after
//! every step.
//!
//! The simulation uses the kernel's [`group::engine`] with stores in memory. The network, the leaders' outboxes, the bank and
//! the mail server are modelled here, one file each. A run depends only on its seed and the number of its steps.
//!
//! Invariants: no acknowledged entry is lost, because the logs are kept here; [`rng`] is the only source of randomness.
//!
//! Deliberately absent: Raft (consensus has its own tests), tokens (callers are trusted, but the access rules of the contract
//! are checked), HTTP, and the content of documents and mails (only their names are simulated).

mod accounts;
pub mod bank;
mod effects;
mod fixtures;
mod guests;
pub mod invariants;
pub mod member;
mod network;
pub mod rng;
mod run;
mod trace;
mod world;

pub use run::{Failed, Tally, run, run_broken};
pub use world::Sabotage;
