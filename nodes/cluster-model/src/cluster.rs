//! The whole cluster: `GET /v1/cluster`.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::groups::GroupResponse;
use crate::moves::MoveResponse;
use crate::nodes::NodeResponse;

/// The state of the whole cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct ClusterResponse {
    /// Its name
    pub name: String,
    /// 1, incremented by each restore
    pub epoch: u64,
    /// Overall state
    pub state: ClusterState,
    /// Conditions that need an operator, one sentence each; empty when there are none
    pub attention: Vec<String>,
    /// Version of the program on the node that answers
    pub version: String,
    /// The node that answers
    pub answered_by: String,
    /// Nodes, sorted by name
    pub nodes: Vec<NodeResponse>,
    /// Groups, sorted by name
    pub groups: Vec<GroupResponse>,
    /// Active moves, oldest first
    pub moves: Vec<MoveResponse>,
}

/// The state of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ClusterState {
    /// Every group serves and has all its replicas
    Healthy,
    /// Every group serves, but a node or replica is missing
    Degraded,
    /// At least one group does not serve
    Unavailable,
}

/// The leader of a group changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct LeaderResponse {
    /// `reservations/0`
    pub group: String,
    /// The leader's node; absent without a leader
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The leader's Raft term
    pub term: u64,
}
