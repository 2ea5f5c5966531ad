//! What is refused, and why.

use serde::{Deserialize, Serialize};

use crate::records::{MoveId, Phase};

/// The directory's "no". Each names what is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is no cluster yet.
    #[error("there is no cluster yet: `auberge cluster init` makes one")]
    NotFounded,
    /// A cluster is made once.
    #[error("the cluster `{name}` was made already")]
    AlreadyFounded {
        /// Its name.
        name: String,
    },
    /// Fixed when the cluster was made.
    #[error("{what} cannot change: it was fixed at {have} when the cluster was made, not {asked}")]
    Fixed {
        /// What: `services.reservations.shards`, `payments.bank`.
        what: String,
        /// As it is.
        have: String,
        /// As it was asked to be.
        asked: String,
    },
    /// A field that cannot be so.
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: String,
        /// Why.
        why: String,
    },
    /// No node of this name.
    #[error("there is no node `{node}`")]
    NoSuchNode {
        /// The name.
        node: String,
    },
    /// No group of this name.
    #[error("there is no group `{group}`")]
    NoSuchGroup {
        /// The name.
        group: String,
    },
    /// No move of this id.
    #[error("there is no move {id}, or it was forgotten")]
    NoSuchMove {
        /// The id.
        id: MoveId,
    },
    /// Another node of this name is known: its certificate bears another id.
    #[error("`{node}` is known with another id: decommission the old one first")]
    WrongIdentity {
        /// The name.
        node: String,
    },
    /// It was removed for good.
    #[error("node `{node}` was decommissioned")]
    Decommissioned {
        /// Which.
        node: String,
    },
    /// It is being emptied, or was.
    #[error("node `{node}` takes nothing: it is {state}; `auberge cluster uncordon {node}` first")]
    Cordoned {
        /// Which.
        node: String,
        /// `draining` or `drained`.
        state: String,
    },
    /// It cannot be reached.
    #[error("node `{node}` is down")]
    NodeDown {
        /// Which.
        node: String,
    },
    /// Its replicas are to be emptied one node after the other.
    #[error("one node at a time: `{other}` is {state}")]
    OneAtATime {
        /// The other.
        other: String,
        /// `draining`, `drained`, …
        state: String,
    },
    /// The group has a replica there.
    #[error("{group} has a replica on `{node}` already")]
    AlreadyThere {
        /// Which group.
        group: String,
        /// Which node.
        node: String,
    },
    /// The group has no voter there.
    #[error("{group} has no replica on `{node}`")]
    NotThere {
        /// Which group.
        group: String,
        /// Which node.
        node: String,
    },
    /// One move of a group at a time.
    #[error("{group} is being moved already: {id}")]
    Busy {
        /// Which group.
        group: String,
        /// By which move.
        id: MoveId,
    },
    /// Too few replicas would be left that can be reached.
    #[error("{group} would lose its quorum: {live} of {voters} replicas would be left, {needed} are needed")]
    Quorum {
        /// Which group.
        group: String,
        /// Replicas left that can be reached.
        live: u8,
        /// Voters that it has.
        voters: u8,
        /// Voters that it needs.
        needed: u8,
    },
    /// The node's disk has no room.
    #[error("`{node}` has too little free disk: {free_bytes} bytes, {needed_bytes} are needed")]
    FreeDisk {
        /// Which.
        node: String,
        /// What is left.
        free_bytes: u64,
        /// What is needed: twice the group's size, and a reserve.
        needed_bytes: u64,
    },
    /// A rule of `cluster.toml` is against it.
    #[error("{group} may not be on `{node}`: {rule}")]
    Rule {
        /// Which group.
        group: String,
        /// Which node.
        node: String,
        /// Which rule, in words.
        rule: String,
    },
    /// No node can take the replica.
    #[error("no node can take {group}: {why}")]
    NoPlace {
        /// Which group.
        group: String,
        /// Why each node cannot.
        why: String,
    },
    /// The group was not founded yet.
    #[error("{group} is not founded yet")]
    Unfounded {
        /// Which group.
        group: String,
    },
    /// There is no way back from where the move is.
    #[error("{id} cannot be cancelled any more: it is {phase}")]
    TooLate {
        /// Which move.
        id: MoveId,
        /// Its phase.
        phase: Phase,
    },
    /// The move is in another phase than the steward believed.
    #[error("{id} is {phase} now")]
    Stale {
        /// Which move.
        id: MoveId,
        /// Its phase.
        phase: Phase,
    },
    /// More than is kept.
    #[error("too many {what}: {max} at most")]
    TooMany {
        /// Of what.
        what: String,
        /// How many may be.
        max: u32,
    },
}
