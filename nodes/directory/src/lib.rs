//! The control plane: which replica lives on which node, and how that changes while everything serves.
//!
//! The directory is a group like any other ([`Service`]). Beside it, on the node that leads it, the [`steward`] looks at
//! the nodes through its [`hands`], records what it sees, and does what the records ask for. What should be done is
//! computed by pure functions ([`plan`]), so that a dry run and the real thing cannot differ.
//!
//! Invariants (see [`invariants`]):
//! - a group never has two replicas on one node, nor two moves at once;
//! - a raft id that was a replica of a group once is never one again;
//! - a step is recorded before it cannot be undone, and each can be done again: a steward may die anywhere;
//! - nothing that is planned takes a group's quorum away.
//!
//! Deliberately absent: sockets, raft, the other nodes themselves (the hands have them); which node leads a group (raft
//! decides, the board tells); any other service.

mod apply;
pub mod contract;
pub mod hands;
pub mod invariants;
pub mod plan;
mod query;
pub mod records;
mod service;
mod state;
pub mod steward;

pub use crate::contract::{
    Answer, Command, Directory as Contract, GROUP, Intent, Measured, Query, Refusal, Reply, SERVICE, Step,
};
pub use hands::{Hands, HandsError, Observed, SeenNode, SeenReplica, Start};
pub use records::*;
pub use service::{Bell, Directory};
pub use steward::{ClientRecords, Pace, Records, Steward};
