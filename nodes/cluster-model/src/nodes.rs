//! Nodes: `/v1/cluster/nodes`.

use directory::{NodeState, PlannedMove, RemainingReplica};
use edge::Instant;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::moves::MoveResponse;

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct NodeResponse {
    /// Its name
    pub name: String,
    /// Address of its HTTP server
    pub address: String,
    /// Address for other nodes
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_address: Option<String>,
    /// Its zone
    pub zone: String,
    /// Labels for placement rules
    pub labels: Vec<String>,
    /// State
    pub state: NodeState,
    /// Whether it can be stopped without any group losing its quorum
    pub safe_to_stop: bool,
    /// The smallest quorum margin of its groups without it: `quorum 2/3`, or that it has no voter
    pub quorum: String,
    /// Why it cannot be stopped safely, if so
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_because: Option<String>,
    /// Version of the program
    pub version: String,
    /// When its state last changed
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Instant>,
    /// Number of replicas
    pub groups: u32,
    /// Number of groups that it leads
    pub leaders: u32,
    /// Size of its replicas in bytes
    pub bytes: u64,
    /// Free disk space in bytes
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
    /// Calls answered per second by its groups
    pub calls_per_second: f64,
    /// Restarts of its replicas after failures
    pub restarts: u64,
}

/// All nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct Nodes {
    /// Sorted by name
    pub items: Vec<NodeResponse>,
}

/// The result of draining or decommissioning a node, or of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct NodeWork {
    /// The node
    pub node: String,
    /// Whether this is a dry run: nothing was started
    pub dry_run: bool,
    /// Planned moves, in the order in which they start
    pub plan: Vec<StepResponse>,
    /// The moves that were created
    pub moves: Vec<MoveResponse>,
    /// Replicas that remain on the node, because no other node can take them
    pub stays: Vec<RemainingReplicaResponse>,
    /// Whether the node can be stopped with the replicas that remain on it
    pub safe_to_stop: bool,
    /// The same as text: `safe to stop, quorum 2/3`
    pub detail: String,
}

/// A planned move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct StepResponse {
    /// `reservations/0`
    pub group: String,
    /// Nodes that a replica or leadership leaves
    pub leave: Vec<String>,
    /// Nodes that take a replica or leadership
    pub take: Vec<String>,
    /// Whether only leadership moves
    pub leader_only: bool,
    /// Why it is planned
    pub reason: String,
}

/// A replica that remains on a drained node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct RemainingReplicaResponse {
    /// `reservations/0`
    pub group: String,
    /// Voters that can be reached once the node has stopped
    pub live: u32,
    /// Voters of the group
    pub voters: u32,
    /// Voters needed for a quorum
    pub needed: u32,
    /// Why no other node can take it
    pub why: String,
}

impl From<&PlannedMove> for StepResponse {
    fn from(planned: &PlannedMove) -> Self {
        Self {
            group: planned.group.clone(),
            leave: planned.remove.iter().map(|location| location.node.clone()).collect(),
            take: planned.to.clone(),
            leader_only: planned.leader_only,
            reason: planned.cause.to_string(),
        }
    }
}

impl From<&RemainingReplica> for RemainingReplicaResponse {
    fn from(replica: &RemainingReplica) -> Self {
        Self {
            group: replica.group.clone(),
            live: replica.live.into(),
            voters: replica.voters.into(),
            needed: replica.needed.into(),
            why: replica.why.clone(),
        }
    }
}
