//! The only home of openraft: makes one group's replicas agree on one order of payloads.
//!
//! A [`Replica`] is given the node's shared log, the replica's own state, a [`Machine`] that applies what is agreed on,
//! and a [`Network`] that carries bytes to its peers. One voter is the same thing as three.
//!
//! Invariants:
//! - an answered proposal is on the disks of a majority, and applied here;
//! - what is applied and which entry that was land in one batch of the state ([`Machine::apply`]);
//! - the state is flushed lazily, and always behind the log; the log keeps what the state has not on disk;
//! - a replica calls itself leader ([`Role::leader`]) only once an entry of its own term is applied;
//! - a machine that fails or panics, and a disk that refuses, stop this replica alone, and it says why.
//!
//! Deliberately absent: what payloads mean; sockets and actors; who lives where; retries and deadlines of callers.

mod fresh;
mod log;
mod machine;
mod network;
mod options;
mod pace;
mod refound;
mod replica;
mod role;
mod shared;
mod snapshot;
mod start;
pub mod testing;
mod trim;
mod types;
mod wire;

pub use machine::{Entry, Machine};
pub use network::{Alone, Network, NetworkError};
pub use options::{Options, Settings};
pub use refound::refound;
pub use replica::{ChangeError, ProposeError, Replica, Status};
pub use role::Role;
pub use start::{StartError, applied, identity};
pub use types::Member;
