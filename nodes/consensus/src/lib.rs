//! The only home of openraft: makes one group's replicas agree on one order of payloads.
//!
//! A [`Replica`] is given the node's shared log, the replica's own state, a [`StateMachine`] that applies what is agreed on,
//! and a [`Network`] that carries bytes to its peers. One voter is the same thing as three.
//!
//! Invariants:
//! - an answered proposal is on the disks of a majority, and applied here;
//! - what is applied and which entry that was land in one batch of the state ([`StateMachine::apply`]);
//! - the state is flushed lazily, and always behind the log; the log keeps what the state has not on disk;
//! - a replica calls itself leader ([`Role::leader`]) only once an entry of its own term is applied;
//! - a machine that fails or panics, and a disk that refuses, stop this replica alone, and it says why.
//!
//! Deliberately absent: what payloads mean; sockets and actors; who lives where; retries and deadlines of callers.

mod heartbeat;
mod log;
mod network;
mod options;
mod purge;
mod recovery;
mod replica;
mod role;
mod shared;
mod snapshot;
mod staleness;
mod start;
mod state_machine;
pub mod testing;
mod types;
mod wire;

pub use network::{Network, NetworkError, NoNetwork};
pub use options::{Options, Settings};
pub use recovery::recover_as_sole_voter;
pub use replica::{ChangeError, ProposeError, Replica, Status};
pub use role::Role;
pub use start::{StartError, applied_index, replica_id};
pub use state_machine::{Entry, StateMachine};
pub use types::RaftNode;
