//! Refusals of the directory.

use serde::{Deserialize, Serialize};

use crate::records::{MoveId, MovePhase};

/// Why the directory refuses a command or a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The cluster is not initialized.
    #[error("there is no cluster yet: `auberge cluster init` makes one")]
    NotInitialized,
    /// The cluster is initialized already.
    #[error("the cluster `{name}` was made already")]
    AlreadyInitialized { name: String },
    /// The setting was fixed when the cluster was created.
    #[error("{what} cannot change: it was fixed at {have} when the cluster was made, not {asked}")]
    Fixed {
        /// The setting: `services.reservations.shards`, `payments.bank`.
        what: String,
        /// The current value.
        have: String,
        /// The requested value.
        asked: String,
    },
    /// A field is invalid.
    #[error("{field}: {why}")]
    Invalid { field: String, why: String },
    /// No node of this name.
    #[error("there is no node `{node}`")]
    NoSuchNode { node: String },
    /// No group of this name.
    #[error("there is no group `{group}`")]
    NoSuchGroup { group: String },
    /// No move of this id.
    #[error("there is no move {id}, or it was dropped")]
    NoSuchMove { id: MoveId },
    /// A node of this name is known with another id in its certificate.
    #[error("`{node}` is known with another id: decommission the old one first")]
    WrongIdentity { node: String },
    /// The node was removed permanently.
    #[error("node `{node}` was decommissioned")]
    Decommissioned { node: String },
    /// The node takes no replicas: it is draining or drained.
    #[error("node `{node}` takes nothing: it is {state}; `auberge cluster uncordon {node}` first")]
    Cordoned {
        node: String,
        /// `draining` or `drained`.
        state: String,
    },
    /// The node cannot be reached.
    #[error("node `{node}` is down")]
    NodeDown { node: String },
    /// Only one node can be drained at a time.
    #[error("one node at a time: `{other}` is {state}")]
    OneAtATime {
        /// The other node.
        other: String,
        /// `draining`, `drained`, …
        state: String,
    },
    /// The group has a replica on the node already.
    #[error("{group} has a replica on `{node}` already")]
    AlreadyThere { group: String, node: String },
    /// The group has no voter on the node.
    #[error("{group} has no replica on `{node}`")]
    NotThere { group: String, node: String },
    /// The group is being moved already.
    #[error("{group} is being moved already: {id}")]
    Busy {
        group: String,
        /// The move.
        id: MoveId,
    },
    /// The group would lose its quorum.
    #[error("{group} would lose its quorum: {live} of {voters} replicas would be left, {needed} are needed")]
    Quorum {
        group: String,
        /// Reachable voters that would remain.
        live: u8,
        /// Voters of the group.
        voters: u8,
        /// Voters needed for a quorum.
        needed: u8,
    },
    /// The node has too little free disk space.
    #[error("`{node}` has too little free disk: {free_bytes} bytes, {needed_bytes} are needed")]
    FreeDisk {
        node: String,
        /// Free disk space, in bytes.
        free_bytes: u64,
        /// Needed disk space, in bytes: twice the group's size, and a reserve.
        needed_bytes: u64,
    },
    /// A placement rule of the settings forbids it.
    #[error("{group} may not be on `{node}`: {rule}")]
    Rule {
        group: String,
        node: String,
        /// The rule, for operators.
        rule: String,
    },
    /// No node can take the replica.
    #[error("no node can take {group}: {why}")]
    NoPlace {
        group: String,
        /// The reason for each node.
        why: String,
    },
    /// The group has no replica yet.
    #[error("{group} is not founded yet")]
    NotBootstrapped { group: String },
    /// The move is in a phase in which it cannot be cancelled.
    #[error("{id} cannot be cancelled any more: it is {phase}")]
    TooLate { id: MoveId, phase: MovePhase },
    /// The move is not in the phase that the reconciler expected.
    #[error("{id} is {phase} now")]
    Stale { id: MoveId, phase: MovePhase },
    /// A limit is exceeded.
    #[error("too many {what}: {max} at most")]
    TooMany {
        what: String,
        /// The limit.
        max: u32,
    },
}
