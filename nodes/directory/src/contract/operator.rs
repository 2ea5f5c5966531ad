//! Commands of operators.

use protocol::{Access, scope};
use serde::{Deserialize, Serialize};

use super::request;
use crate::records::{ClusterInit, MoveId, MoveRecord, NodeRecord, Plan, Settings};

/// Access to commands that are also sent while `auth` is not available.
fn bootstrap() -> Access {
    Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["cluster", "setup", "node"])
}

fn operators() -> Access {
    Access::scopes(&[scope::CLUSTER_MANAGE])
}

/// A plan was made, and its moves were created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartedMoves {
    pub plan: Plan,
    /// The moves that are active now.
    pub moves: Vec<MoveRecord>,
}

/// Initializes the cluster, once. Repeating it with the same content succeeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InitCluster {
    pub cluster: Box<ClusterInit>,
}

// The first command of a cluster: `auth` cannot issue tokens yet.
request!(InitCluster => (), bootstrap());

/// Changes the settings: replicas, placement rules, `replace_after_secs`. Shards and bank are fixed. The reconciler then
/// starts the moves that follow; [`Intent::Configure`](super::Intent::Configure) returns them beforehand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigureCluster {
    pub settings: Settings,
}

request!(ConfigureCluster => (), bootstrap());

/// Moves one replica of a group, or only its leadership, to another node. Repeating it while the move is active returns the
/// same move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateMove {
    /// `reservations/3`.
    pub group: String,
    /// The node whose replica is removed. If absent, the directory chooses: a lost replica first, then the one whose removal
    /// spreads the group best over zones, then the one on the fullest node. For a move of leadership: the expected current
    /// leader, if it matters.
    pub from: Option<String>,
    pub to: String,
    /// Whether only leadership moves, and no replica.
    pub leader_only: bool,
}

request!(CreateMove => Box<MoveRecord>, operators());

/// Cancels a move that is not switching yet. Returns it with `abort` set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelMove {
    pub id: MoveId,
}

request!(CancelMove => Box<MoveRecord>, operators());

/// Moves leadership off a node at once, and its replicas where another node can take them. [`Plan::remaining`] lists the
/// replicas that stay on the node, and the quorum of their groups without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrainNode {
    pub node: String,
}

request!(DrainNode => StartedMoves, operators());

/// Lets a drained node take replicas and leaders again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UncordonNode {
    pub node: String,
}

request!(UncordonNode => Box<NodeRecord>, operators());

/// Removes a node permanently: its replicas move to other nodes, then its certificate is denied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecommissionNode {
    pub node: String,
}

request!(DecommissionNode => StartedMoves, operators());

/// Balances groups and leaders over the nodes. [`GetPlan`](super::GetPlan) is its dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RebalanceCluster;

request!(RebalanceCluster => StartedMoves, operators());

/// A group was recovered from a single replica, after its majority was lost permanently. Entries that only the other
/// replicas had are lost. Recorded after the node has done it, with the new replica's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordRecovery {
    pub group: String,
    /// The node of its only voter.
    pub node: String,
    /// That voter's raft id.
    pub replica: u64,
}

request!(RecordRecovery => (), bootstrap());
