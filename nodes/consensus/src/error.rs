//! Errors of proposals and membership changes.

use crate::types::RaftNode;

/// Why a proposal failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This replica is not the leader. Nothing was proposed.
    #[error("this replica is not the leader")]
    NotLeader {
        /// The leader, if known.
        leader: Option<(u64, RaftNode)>,
    },
    /// Leadership was lost meanwhile. The payload may be applied, now or later, or never.
    #[error("the outcome of the proposal is unknown")]
    Unknown,
    /// The replica has stopped, possibly because of this payload.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
    /// The disk failed. The payload may still be applied by another replica.
    #[error("the store failed: {0}")]
    Store(String),
}

/// Why a membership change failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// As for a proposal.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// The change is invalid, or another change is in progress.
    #[error("{0}")]
    Refused(String),
}
