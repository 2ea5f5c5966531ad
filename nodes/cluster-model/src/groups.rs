//! Groups and their replicas: `/v1/cluster/groups`.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

/// A group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct GroupResponse {
    /// `reservations/0`
    pub group: String,
    /// `reservations`
    pub service: String,
    /// Shard number
    pub shard: u16,
    /// State
    pub state: GroupState,
    /// The leader's node; absent without a leader
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The latest Raft term
    pub term: u64,
    /// Number of voters
    pub voters: u32,
    /// Number of voters that can be reached
    pub voters_up: u32,
    /// Number of replicas that it should have
    pub replicas_wanted: u32,
    /// Its replicas
    pub replicas: Vec<ReplicaResponse>,
    /// Size of its state on the leader, in bytes
    pub bytes: u64,
    /// Calls answered per second
    pub calls_per_second: f64,
    /// Calls in progress
    pub busy: u64,
    /// Pending events and effects
    pub outbox: u64,
    /// Events and effects that failed permanently and need an operator
    pub parked: Vec<ParkedResponse>,
    /// Whether its mails and payments are held back since a restore, until they are released
    pub effects_held: bool,
    /// Why a replica was quarantined, if one was
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
}

/// The state of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// It serves and has all its replicas
    Healthy,
    /// It serves with fewer replicas than it should have, or one is quarantined
    Degraded,
    /// It has no leader
    Unavailable,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct ReplicaResponse {
    /// Its node
    pub node: String,
    /// Voter or learner
    pub role: ReplicaRole,
    /// Whether it can be reached
    pub up: bool,
    /// Lag behind the leader, in log entries
    pub lag: u64,
    /// Index of the last log entry that it has applied. Without a leader, the replica with the highest index is the most
    /// advanced
    pub applied: u64,
    /// Size on disk in bytes
    pub bytes: u64,
    /// Restarts after failures
    pub restarts: u64,
}

/// The role of a replica in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ReplicaRole {
    /// It counts for quorums
    Voter,
    /// It follows, and does not count for quorums
    Learner,
}

/// An event or effect that failed permanently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct ParkedResponse {
    /// Row number within the group's outbox
    pub row: u64,
    /// The error
    pub why: String,
}

/// All groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct Groups {
    /// Sorted by name
    pub items: Vec<GroupResponse>,
}

/// What to do with a parked row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct Release {
    /// The action
    pub action: ReleaseAction,
}

/// What to do with a parked row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ReleaseAction {
    /// Retry it
    Retry,
    /// Drop it, and continue with the next one
    Skip,
}

/// A request to recover a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(deny_unknown_fields)]
pub struct Recovery {
    /// The node whose replica becomes the only voter
    #[oai(validator(min_length = 1, max_length = 64))]
    pub on: String,
    /// Confirms that entries which this replica does not have are lost permanently: must be true
    pub accept_data_loss: bool,
}
