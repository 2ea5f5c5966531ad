//! Queries.

use protocol::{Access, scope};
use serde::{Deserialize, Serialize};

use super::request;
use crate::records::{
    AuditRecord, Cluster, GroupRecord, MoveId, MoveRecord, NodeRecord, Plan, Settings, State,
};

fn readers() -> Access {
    Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]).or_services(&[
        "directory",
        "node",
        "cluster",
        "setup",
    ])
}

/// Reads the cluster's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCluster;

request!(GetCluster => Box<Cluster>, readers());

/// Lists all nodes by name, including decommissioned ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListNodes;

request!(ListNodes => Vec<NodeRecord>, readers());

/// Reads one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetNode {
    pub node: String,
}

request!(GetNode => Box<NodeRecord>, readers());

/// Lists all groups by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListGroups;

request!(ListGroups => Vec<GroupRecord>, readers());

/// Reads one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetGroup {
    pub group: String,
}

request!(GetGroup => Box<GroupRecord>, readers());

/// Lists moves, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMoves {
    /// Only moves before this one.
    pub before: Option<MoveId>,
    /// Only moves that have not ended.
    pub active: bool,
    /// The largest number of entries to return, 1 to [`PAGE_MAX`](super::PAGE_MAX).
    pub limit: u16,
}

/// The reply to [`ListMoves`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovePage {
    /// Newest first.
    pub items: Vec<MoveRecord>,
    /// Pass as `before` for the next page; none at the end.
    pub next: Option<MoveId>,
}

request!(ListMoves => MovePage, readers());

/// Reads one move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetMove {
    pub id: MoveId,
}

request!(GetMove => Box<MoveRecord>, readers());

/// Lists the audit log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAudit {
    /// Only records before this number.
    pub before: Option<u64>,
    /// The largest number of entries to return, 1 to [`PAGE_MAX`](super::PAGE_MAX).
    pub limit: u16,
}

/// The reply to [`ListAudit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditPage {
    /// Newest first.
    pub items: Vec<AuditRecord>,
    /// Pass as `before` for the next page; none at the end.
    pub next: Option<u64>,
}

request!(ListAudit => AuditPage, readers());

/// Returns what a command would do, or why it would be refused (dry run).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPlan {
    pub intent: Intent,
}

request!(GetPlan => Plan, readers());

/// A command to plan without executing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// [`RebalanceCluster`](super::RebalanceCluster).
    Rebalance,
    /// [`DrainNode`](super::DrainNode).
    Drain(String),
    /// [`DecommissionNode`](super::DecommissionNode).
    Decommission(String),
    /// [`Repair`](super::Repair): what the reconciler does next.
    Repair,
    /// [`ConfigureCluster`](super::ConfigureCluster): what the reconciler would do next with these settings.
    Configure(Box<Settings>),
}

/// Checks whether a node can be stopped now without any group losing its quorum. Returns a plan with [`Plan::remaining`]
/// only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSafeToStop {
    pub node: String,
}

request!(CheckSafeToStop => Plan, readers());

/// Reads a consistent copy of the cluster, nodes, groups and active moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetState;

request!(GetState => Box<State>, readers());

/// Reads the number of the last change. Cheap: for polling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRevision;

request!(GetRevision => u64, readers());
