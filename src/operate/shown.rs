//! The cluster as the API writes it: nodes, groups, replicas, and what needs an operator's attention.

use edge::Instant;
use poem_openapi::{Enum, Object};

use super::moves::MoveResponse;

/// The whole cluster at one moment.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct ClusterResponse {
    /// Its name
    pub name: String,
    /// 1, and one more after each restore
    pub epoch: u64,
    /// How it stands
    pub state: ClusterState,
    /// What an operator has to look at, a sentence each; nothing when all is well
    pub attention: Vec<String>,
    /// The program's version on the node that answers
    pub version: String,
    /// The node that answers
    pub answered_by: String,
    /// In order of their names
    pub nodes: Vec<NodeResponse>,
    /// In order of their names
    pub groups: Vec<GroupResponse>,
    /// Moves under way, oldest first
    pub moves: Vec<MoveResponse>,
}

/// How a cluster stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ClusterState {
    /// Every group serves, and has as many replicas as it should
    Healthy,
    /// Every group serves; the loss of another node may change that
    Degraded,
    /// Some group does not serve
    Unavailable,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct NodeResponse {
    /// Its name
    pub name: String,
    /// Where its edge listens
    pub address: String,
    /// Where other nodes reach it
    #[oai(skip_serializing_if_is_none)]
    pub link_address: Option<String>,
    /// Its zone
    pub zone: String,
    /// What placement rules know it by
    pub labels: Vec<String>,
    /// How it stands
    pub state: NodeState,
    /// Whether it can be stopped without any group losing its quorum
    pub safe_to_stop: bool,
    /// How its tightest group would stand without it: `quorum 2/3`, or that it is empty
    pub quorum: String,
    /// Why it cannot be stopped safely, where that is so
    #[oai(skip_serializing_if_is_none)]
    pub unsafe_because: Option<String>,
    /// The program's version
    pub version: String,
    /// Since when it stands so
    #[oai(skip_serializing_if_is_none)]
    pub since: Option<Instant>,
    /// Replicas that it has
    pub groups: u32,
    /// Groups that it leads
    pub leaders: u32,
    /// Bytes of its replicas' state
    pub bytes: u64,
    /// Bytes that its disk has left
    #[oai(skip_serializing_if_is_none)]
    pub disk_free_bytes: Option<u64>,
    /// Calls a second that its groups answer
    pub calls_per_second: f64,
    /// How often its groups were restarted after a failure
    pub restarts: u64,
}

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[oai(rename_all = "snake_case")]
pub enum NodeState {
    /// It serves
    Up,
    /// It cannot be reached
    Down,
    /// It is being emptied, and takes nothing new
    Draining,
    /// It is empty as far as it can be, and takes nothing new
    Drained,
    /// It was removed for good
    Decommissioned,
}

/// All nodes.
#[derive(Debug, Object)]
pub struct Nodes {
    /// In order of their names
    pub items: Vec<NodeResponse>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct GroupResponse {
    /// `reservations/0`
    pub group: String,
    /// `reservations`
    pub service: String,
    /// The shard's number
    pub shard: u16,
    /// How it stands
    pub state: GroupState,
    /// The node that leads it
    #[oai(skip_serializing_if_is_none)]
    pub leader: Option<String>,
    /// The term of its leader
    pub term: u64,
    /// Voters that it has
    pub voters: u32,
    /// Voters that can be reached
    pub voters_up: u32,
    /// Replicas that it should have
    pub replicas_wanted: u32,
    /// Its replicas
    pub replicas: Vec<ReplicaResponse>,
    /// Bytes of its state, where it is led
    pub bytes: u64,
    /// Calls a second that it answers
    pub calls_per_second: f64,
    /// Calls being answered now
    pub busy: u64,
    /// Events and effects that wait
    pub outbox: u64,
    /// What an operator has to look at
    pub parked: Vec<ParkedResponse>,
    /// Whether its mails and payments wait since a restore, until they are released
    pub effects_held: bool,
    /// Why it was given up, if it was
    #[oai(skip_serializing_if_is_none)]
    pub quarantined: Option<String>,
}

/// How a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum GroupState {
    /// It serves, and has as many replicas as it should
    Healthy,
    /// It serves with fewer replicas than it should have
    Degraded,
    /// It has no leader, or was given up
    Unavailable,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct ReplicaResponse {
    /// The node that has it
    pub node: String,
    /// What it is
    pub role: ReplicaRole,
    /// Whether its node can be reached
    pub up: bool,
    /// Log entries behind the leader
    pub lag: u64,
    /// The last log entry that it has applied: where there is no leader, who has most is furthest
    pub applied: u64,
    /// Bytes on disk
    pub bytes: u64,
    /// How often it was restarted after a failure
    pub restarts: u64,
}

/// What a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ReplicaRole {
    /// It counts for quorums
    Voter,
    /// It follows, and counts for nothing yet
    Learner,
}

/// An event or effect that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ParkedResponse {
    /// Its number within the group
    pub row: u64,
    /// Why
    pub why: String,
}

/// All groups.
#[derive(Debug, Object)]
pub struct Groups {
    /// In order of their names
    pub items: Vec<GroupResponse>,
}

/// A group was given another leader, or has none now.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct LeaderResponse {
    /// `reservations/0`
    pub group: String,
    /// The node that leads it
    #[oai(skip_serializing_if_is_none)]
    pub leader: Option<String>,
    /// The term of its leader
    pub term: u64,
}
