//! Records of moves.

use std::fmt;
use std::str::FromStr;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::ReplicaLocation;

/// A move's id: `mov_17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct MoveId(pub u64);

impl fmt::Display for MoveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mov_{}", self.0)
    }
}

/// The text is not a move's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a move's id looks like mov_17")]
pub struct NotAMoveId;

impl FromStr for MoveId {
    type Err = NotAMoveId;

    fn from_str(text: &str) -> Result<Self, NotAMoveId> {
        let number = text.strip_prefix("mov_").ok_or(NotAMoveId)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        number.parse().ok().filter(|_| plain).map(Self).ok_or(NotAMoveId)
    }
}

/// The phase of a move. The last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum MovePhase {
    /// New replicas are opened and added as learners.
    Adding,
    /// The new replicas receive a snapshot and the log.
    CatchingUp,
    /// The voters change. Leadership is transferred first if the leader is to be removed.
    Switching,
    /// Replicas that are no longer needed are deleted: the old one, or the new one after a cancellation or failure.
    Removing,
    /// The move succeeded.
    Done,
    /// The move failed; the record says why.
    Failed,
    /// The move was cancelled.
    Cancelled,
}

impl MovePhase {
    /// The phase as shown to people: like [`fmt::Display`], with spaces.
    pub fn label(self) -> &'static str {
        match self {
            Self::CatchingUp => "catching up",
            Self::Adding => "adding",
            Self::Switching => "switching",
            Self::Removing => "removing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the move has ended.
    pub fn is_final(self) -> bool {
        match self {
            Self::Adding | Self::CatchingUp | Self::Switching | Self::Removing => false,
            Self::Done | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for MovePhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CatchingUp => "catching_up",
            other => other.label(),
        })
    }
}

/// Why a move was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MoveCause {
    /// An operator requested it.
    Operator,
    /// The group has fewer replicas than it should.
    Growth,
    /// A replica was lost with its node or its disk.
    Repair,
    /// The node is draining.
    Drain,
    /// The node is being decommissioned.
    Decommission,
    /// The cluster is being rebalanced.
    Rebalance,
    /// The settings have changed: the group has too many replicas, or one that violates a placement rule.
    Settings,
}

impl fmt::Display for MoveCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "operator",
            Self::Growth => "growth",
            Self::Repair => "repair",
            Self::Drain => "drain",
            Self::Decommission => "decommission",
            Self::Rebalance => "rebalance",
            Self::Settings => "settings",
        })
    }
}

/// A move: a change of a group's members, or of its leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveRecord {
    /// Its id; later moves have greater ones.
    pub id: MoveId,
    /// The group.
    pub group: String,
    /// Only leadership moves: to the first of `add`, whose replica exists already.
    pub leader_only: bool,
    /// Replicas to add.
    pub add: Vec<NewReplica>,
    /// Replicas to remove.
    pub remove: Vec<ReplicaLocation>,
    /// The leader's node when a move of leadership was created.
    pub led_by: Option<String>,
    pub cause: MoveCause,
    /// The subject that requested it: an operator, or the reconciler.
    pub by: String,
    pub phase: MovePhase,
    /// Set when the move was cancelled or failed. Its new replicas are then removed.
    pub abort: Option<Abort>,
    /// The reason for an unusual wait.
    pub waiting: Option<String>,
    /// Its progress; up to a second old while it runs.
    pub progress: Progress,
    pub created_at: Timestamp,
    /// When its phase last changed.
    pub phase_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A replica to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReplica {
    pub node: String,
    /// Its raft id, once it is opened.
    pub replica: Option<u64>,
}

/// Why a move did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Abort {
    Cancelled {
        /// The subject that cancelled it.
        by: String,
    },
    Failed {
        why: String,
    },
}

impl MoveRecord {
    /// The first node that a replica or leadership leaves, if any.
    pub fn from(&self) -> Option<&str> {
        self.remove.first().map(|location| location.node.as_str()).or(self.led_by.as_deref())
    }

    /// The first node that takes a replica or leadership, if any. See `add` for all of them.
    pub fn to(&self) -> Option<&str> {
        self.add.first().map(|target| target.node.as_str())
    }

    /// Whether the move adds a replica to `node`, or removes one from it.
    pub fn concerns(&self, node: &str) -> bool {
        self.add.iter().any(|target| target.node == node)
            || self.remove.iter().any(|location| location.node == node)
    }
}

/// The progress of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Progress {
    /// Bytes that the new replicas have.
    pub bytes_done: u64,
    /// Bytes that they will have, approximately.
    pub bytes_total: u64,
    /// Largest lag of a new replica behind the leader, in log entries.
    pub lag: u64,
    /// Estimated remaining seconds, if known.
    pub secs_left: Option<u32>,
}
