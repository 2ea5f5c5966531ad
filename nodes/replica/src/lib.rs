//! The runtime of the kernel: turns a service into a supervised actor group and keeps it running.
//!
//! A [`Node`] hosts replicas. Each replica has a ractor supervisor with three actors: the proposer (commands), the
//! outbox (events and effects) and the clock (timers, and the expiry of idempotency keys), around one consensus replica
//! and one state. A failed actor is restarted. A replica whose log cannot be applied is reopened, and quarantined after
//! some attempts, while the node's other groups continue.
//!
//! Invariants:
//! - the receiving group verifies the token of a call before anything is proposed;
//! - queues are bounded: a call that exceeds the bound is refused immediately;
//! - only the leader's outbox and clock are active;
//! - a replica's raft id is random and never used again: a message to one replica cannot reach another, and a disk that
//!   lost its state is not taken for the replica that had it;
//! - a replica whose group was recovered without it is closed as soon as its node learns of that, and not opened again.
//!
//! On a single node, [`Node::host`] opens all groups. In a cluster, a node is [connected](Node::connect) with the
//! others over a link, [registers](Node::register) the services that it can host, [reopens](Node::reopen_all) its
//! replicas, and executes the directory's tasks ([`Task`]). Nodes announce their status to each other
//! ([`ClusterView`]): calls are routed by it, and the directory plans by it. When the session with a node is lost, the
//! groups that it led elect leaders immediately. A node that stops transfers its leaderships first.
//!
//! Deliberately absent: anything about hotels; the decision which node hosts which replica.

// The shared test support refers to this crate by its name.
#[cfg(test)]
extern crate self as replica;

mod calls;
mod change_notifier;
mod cluster;
mod delivery_pause;
#[cfg(test)]
#[path = "../tests/support/keys.rs"]
mod keys;
mod limits;
mod node;
mod outbox;
mod pins;
mod requests;
mod snapshot;
mod supervision;
mod tasks;

pub use cluster::view::{ClusterView, GroupLocation, NodeInfo, NodeStatus, ObservedNode};
pub use group::{RaftRole, ReplicaStatus, StartMode};
pub use limits::Limits;
pub use node::{HostError, Node, NodeOptions};
pub use snapshot::{ClusterSnapshot, SnapshotError};
pub use tasks::{Task, TaskError, TaskOutput};
