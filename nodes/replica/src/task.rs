//! What the directory has nodes do to replicas. Each may come twice: doing it again when it is done is success.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::kept::Start;
use crate::status::GroupStatus;

/// See the module. Those about membership go to the node that leads the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Open a replica; a fresh one, unless the node has one of this group already. Brings its raft id.
    Open {
        /// `reservations/3`.
        group: String,
        /// How it begins.
        start: Start,
    },
    /// Take a replica in that listens.
    AddLearner {
        /// Which group.
        group: String,
        /// Its raft id.
        id: u64,
        /// The node that it is on.
        node: String,
    },
    /// Make these the voters, in one step over a joint majority; the other voters leave the group. Only where the voters
    /// are who they are believed to be: who was overtaken must not undo what was done since.
    ChangeVoters {
        /// Which group.
        group: String,
        /// The raft ids of who votes now.
        from: BTreeSet<u64>,
        /// Their raft ids: voters and learners of now.
        ids: BTreeSet<u64>,
    },
    /// Let a replica go that listens.
    RemoveLearner {
        /// Which group.
        group: String,
        /// Its raft id.
        id: u64,
    },
    /// Hand leadership over. Done once the other leads.
    Transfer {
        /// Which group.
        group: String,
        /// The raft id of the voter that is to lead.
        to: u64,
    },
    /// Take the checksum of this node's replica, and say which entry was applied to it last.
    Checksum {
        /// Which group.
        group: String,
    },
    /// Close this node's replica of this id, and delete all that it has. A later replica of the group stays.
    Drop {
        /// Which group.
        group: String,
        /// Its raft id.
        id: u64,
    },
    /// Make this node's replica the only voter of its group, under a fresh raft id: when a majority is lost for good.
    /// What the replica never heard of is lost. Brings the id.
    Refound {
        /// Which group.
        group: String,
    },
    /// Try a parked row of the outbox again, or drop it for good.
    Release {
        /// Which group.
        group: String,
        /// The row's number.
        row: u64,
        /// Again, rather than never.
        again: bool,
    },
    /// Let effects go that a restore holds back.
    LetEffectsGo {
        /// Which group.
        group: String,
    },
    /// Run the invariants of every replica on this node.
    Check,
    /// These certificates are not good any more, by their fingerprints.
    Deny {
        /// As `openssl x509 -fingerprint -sha256` prints them.
        fingerprints: Vec<String>,
    },
}

impl Task {
    /// The group that it is about.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Open { group, .. }
            | Self::AddLearner { group, .. }
            | Self::ChangeVoters { group, .. }
            | Self::RemoveLearner { group, .. }
            | Self::Transfer { group, .. }
            | Self::Drop { group, .. }
            | Self::Release { group, .. }
            | Self::Checksum { group }
            | Self::LetEffectsGo { group }
            | Self::Refound { group } => Some(group),
            Self::Check | Self::Deny { .. } => None,
        }
    }

    /// Whether a node's own credential will do: for what has to be done before there can be tokens, which is that the
    /// directory and those who make tokens come to be, or come back.
    pub(crate) fn precedes_tokens(&self) -> bool {
        self.group().is_some_and(|group| group.starts_with("directory/") || group.starts_with("auth/"))
    }
}

/// What came of a task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TaskDone {
    /// The raft id of the replica that was opened.
    pub id: Option<u64>,
    /// How the replica stands on the node that did it.
    pub status: Option<GroupStatus>,
    /// What a check has found broken.
    pub violations: Vec<String>,
    /// The last entry that was applied to a replica, and the checksum of its state then: the same on all replicas.
    pub checksum: Option<(u64, u128)>,
}

/// Why a task was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum TaskError {
    /// The node cannot be reached.
    #[error("node {0} cannot be reached")]
    Away(String),
    /// No answer in time: it may have been done, or may still be.
    #[error("no answer in time")]
    Timeout,
    /// Another replica has to do it, if it is known which node that is on.
    #[error("this node does not lead the group")]
    NotLeader(Option<String>),
    /// The node has no such replica.
    #[error("no such replica here")]
    NoReplica,
    /// Whoever asks may not.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// It cannot be done, and why.
    #[error("{0}")]
    Refused(String),
}
