//! Raft consensus for one group: its replicas apply the same payloads in the same order. The only crate that uses
//! openraft.
//!
//! A [`Replica`] has the node's shared log, its own state, a [`StateMachine`] that applies committed payloads, and a
//! [`Network`] that sends messages to its peers. Groups of one voter and of several voters work the same way.
//!
//! Invariants:
//! - the payload of a successful proposal is on the disks of a majority and applied on the leader;
//! - applied entries and the applied log id are committed in one batch of the state ([`StateMachine::apply`]);
//! - the state is flushed lazily, and never ahead of the log; the log keeps all entries that are not in the state on
//!   disk;
//! - a replica reports itself as leader ([`Role::leader`]) only after it has applied an entry of its own term;
//! - a state machine that fails or panics, or a disk that fails, stops only this replica, and the reason is
//!   available.
//!
//! Deliberately absent: the meaning of payloads; sockets and actors; placement of replicas; retries and deadlines of
//! callers.

mod error;
mod heartbeat;
mod last_contact;
mod log;
mod membership;
mod metadata;
mod network;
mod options;
mod outgoing;
mod purge;
mod recovery;
mod replica;
mod role;
mod shared;
mod snapshot;
mod start;
mod state_machine;
mod status;
pub mod testing;
mod types;
mod wire;

pub use error::{ChangeError, ProposeError};
pub use metadata::{applied_index, replica_id};
pub use network::{Network, NetworkError, NoNetwork};
pub use options::{Options, Settings};
pub use recovery::recover_as_sole_voter;
pub use replica::Replica;
pub use role::Role;
pub use start::StartError;
pub use state_machine::{Entry, StateMachine};
pub use status::Status;
pub use types::{ApplyResult, RaftNode};
