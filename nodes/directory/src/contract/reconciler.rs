//! Commands of the reconciler.

use protocol::Access;
use serde::{Deserialize, Serialize};

use super::{StartedMoves, request};
use crate::records::{MoveId, MovePhase, MoveRecord, NodeProfile, NodeRecord, Progress};

/// The reconciler calls with its own token, or with its node's credential while `auth` is not available.
fn reconciler() -> Access {
    Access::services(&["directory", "node"])
}

/// A node is up, or its profile changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordNodeUp {
    pub profile: Box<NodeProfile>,
}

request!(RecordNodeUp => Box<NodeRecord>, reconciler());

/// A node cannot be reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordNodeDown {
    pub node: String,
}

request!(RecordNodeDown => Box<NodeRecord>, reconciler());

/// The first replica of a group was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordGroupBootstrapped {
    pub group: String,
    /// The group's bootstrap node.
    pub node: String,
    /// Its raft id.
    pub replica: u64,
}

request!(RecordGroupBootstrapped => (), reconciler());

/// A node that is up lacks a replica that it should have: its disk is new, or was erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordReplicaLost {
    pub group: String,
    pub node: String,
    pub replica: u64,
}

request!(RecordReplicaLost => (), reconciler());

/// A replica that was recorded as lost is reported again: it was slow to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordReplicaReturned {
    pub group: String,
    pub node: String,
    pub replica: u64,
}

request!(RecordReplicaReturned => (), reconciler());

/// Starts the moves that the state of the cluster calls for: lost replicas are replaced, draining nodes are emptied, groups
/// grow or shrink. The plan is empty if there is nothing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repair;

request!(Repair => StartedMoves, reconciler());

/// A step of a move is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdvanceMove {
    pub id: MoveId,
    /// The expected phase: in any other phase the command is refused with [`Refusal::Stale`](super::Refusal::Stale).
    pub phase: MovePhase,
    pub step: Step,
}

request!(AdvanceMove => Box<MoveRecord>, reconciler());

/// A step of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A new replica was opened on a node, under this raft id.
    Opened {
        node: String,
        /// Its raft id.
        replica: u64,
    },
    /// All new replicas are learners of the group: `adding` → `catching_up`.
    Added,
    /// The new replicas have caught up: `catching_up` → `switching`. The move cannot be cancelled from then on.
    CaughtUp,
    /// The voters have changed: `switching` → `removing`. A move of leadership is then done.
    Switched,
    /// Replicas that are no longer needed were deleted where their nodes could be reached: the move has ended.
    Removed,
    /// The move failed before `switching`: `removing` what was added, then `failed`.
    Fail { why: String },
    /// The move waits; with an empty reason, it no longer waits.
    Waiting {
        /// The reason, for operators.
        why: String,
    },
}

/// Progress of moves, about once a second. Moves that have ended are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordProgress {
    pub moves: Vec<(MoveId, Progress)>,
}

request!(RecordProgress => (), reconciler());

/// Measured values, for plans. They are approximate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct RecordMeasurements {
    /// Free disk space of nodes, in bytes.
    pub disk_free_bytes: Vec<(String, u64)>,
    /// Group, its leader's node, and the size of its state there in bytes.
    pub groups: Vec<(String, Option<String>, u64)>,
}

request!(RecordMeasurements => (), reconciler());

/// A node is drained: it leads no group, and all replicas that another node can take have moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordNodeDrained {
    pub node: String,
}

request!(RecordNodeDrained => Box<NodeRecord>, reconciler());
