//! All services in one thread under a seed: messages lost, doubled and late, a bank that answers late and twice, leaders
//! changed, replicas restarted from what they had flushed; and every invariant after every step.
//!
//! It stands on the kernel's pure core ([`group::engine`]) and on states in memory; the network, the leaders' outboxes,
//! the bank and the mail are modelled here, a file each. A run is a function of its seed and the number of its steps.
//!
//! Invariants: nothing acknowledged is lost (the logs are kept here); nothing but [`rng`] decides anything.
//!
//! Deliberately absent: raft (consensus has tests of its own), tokens (callers are taken at their word, and the contract's
//! access rules are checked), HTTP, and the making of documents and mails but for their names.

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
