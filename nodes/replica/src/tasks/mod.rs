//! Tasks that the directory runs on nodes to change replicas. Each is idempotent: repeating a completed task succeeds.

mod execute;

use std::collections::BTreeSet;

use group::{ReplicaStatus, StartMode};
use serde::{Deserialize, Serialize};

/// A change to one node. Membership changes must be sent to the node that leads the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Open a replica: a new one, unless the node has a replica of this group already. Returns its raft id.
    OpenReplica {
        /// `reservations/3`.
        group: String,
        /// How a new replica starts.
        start: StartMode,
    },
    /// Add a learner to a group.
    AddLearner {
        /// The group.
        group: String,
        /// The learner's raft id.
        id: u64,
        /// The learner's node.
        node: String,
    },
    /// Replace the voters of a group, by a joint majority; voters that are not in the new set leave the group. Refused
    /// unless the current voters are `from`, so that a delayed task does not undo a later change.
    ChangeVoters {
        /// The group.
        group: String,
        /// Raft ids of the current voters.
        from: BTreeSet<u64>,
        /// Raft ids of the new voters, each a current voter or learner.
        ids: BTreeSet<u64>,
    },
    /// Remove a learner from a group.
    RemoveLearner {
        /// The group.
        group: String,
        /// The learner's raft id.
        id: u64,
    },
    /// Transfer the leadership of a group. Completes when the other replica leads.
    TransferLeadership {
        /// The group.
        group: String,
        /// Raft id of the voter that shall lead.
        to: u64,
    },
    /// Compute the checksum of this node's replica. Returns it with the index of the last applied entry.
    Checksum {
        /// The group.
        group: String,
    },
    /// Close this node's replica with this id, and delete its data. Another replica of the group stays.
    DeleteReplica {
        /// The group.
        group: String,
        /// The replica's raft id.
        id: u64,
    },
    /// Make this node's replica the only voter of its group, under a new raft id, which is returned: for a group that
    /// has lost its majority for good. Entries that the replica lacks are lost.
    Recover {
        /// The group.
        group: String,
    },
    /// Retry or drop a parked outbox row.
    ReleaseRow {
        /// The group.
        group: String,
        /// The row's number.
        row: u64,
        /// Whether to retry the row; it is dropped otherwise.
        again: bool,
    },
    /// Release the effects that wait after a restore.
    ReleaseEffects {
        /// The group.
        group: String,
    },
    /// Run the invariants of every replica on this node. Returns the violations.
    CheckInvariants,
    /// Refuse these certificates from now on.
    DenyCertificates {
        /// SHA-256 fingerprints, as `openssl x509 -fingerprint -sha256` prints them.
        fingerprints: Vec<String>,
    },
}

impl Task {
    /// The group that the task concerns.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::OpenReplica { group, .. }
            | Self::AddLearner { group, .. }
            | Self::ChangeVoters { group, .. }
            | Self::RemoveLearner { group, .. }
            | Self::TransferLeadership { group, .. }
            | Self::DeleteReplica { group, .. }
            | Self::ReleaseRow { group, .. }
            | Self::Checksum { group }
            | Self::ReleaseEffects { group }
            | Self::Recover { group } => Some(group),
            Self::CheckInvariants | Self::DenyCertificates { .. } => None,
        }
    }

    /// Whether a node's own credential authorizes the task. Service tokens cannot be signed before the directory and
    /// the auth service are available, so tasks that create or recover these need none.
    fn precedes_tokens(&self) -> bool {
        self.group().is_some_and(|group| group.starts_with("directory/") || group.starts_with("auth/"))
    }
}

/// The result of a completed task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaskOutput {
    /// The raft id of the replica that was opened.
    pub id: Option<u64>,
    /// The status of the group's replica on the node that ran the task.
    pub status: Option<ReplicaStatus>,
    /// Violated invariants.
    pub violations: Vec<String>,
    /// The index of the last applied entry, and the checksum of the state as of that entry. Replicas with the same
    /// index have the same checksum.
    pub checksum: Option<(u64, u128)>,
}

/// Why a task was not completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum TaskError {
    /// The node cannot be reached.
    #[error("node {0} cannot be reached")]
    Unreachable(String),
    /// No response in time. The task may have been completed, or may complete later.
    #[error("no response in time")]
    Timeout,
    /// The node does not lead the group. Names the leader's node, if it is known.
    #[error("this node does not lead the group")]
    NotLeader(Option<String>),
    /// The node has no such replica.
    #[error("the node has no such replica")]
    NoReplica,
    /// The sender is not authorized.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// The task cannot be executed; the reason.
    #[error("{0}")]
    Refused(String),
}
