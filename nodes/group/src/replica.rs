//! What a node reports about a replica, and how a replica starts. The runtime fills it in; routing, the directory and the
//! cluster API read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The status of a group's replica on one node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// `reservations/0`.
    pub group: String,
    /// The raft id. It is generated when the replica is created, and never used again.
    pub id: u64,
    /// The replica's Raft state.
    pub role: RaftRole,
    /// Whether this replica leads.
    pub leader: bool,
    /// The current term.
    pub term: u64,
    /// The leader's raft id and node, if this replica has received a message of the leader.
    pub led_by: Option<(u64, String)>,
    /// The voters and their nodes.
    pub voters: BTreeMap<u64, String>,
    /// The learners and their nodes.
    pub learners: BTreeMap<u64, String>,
    /// Whether a change of voters is in its joint phase.
    pub joint: bool,
    /// Index of the last log entry applied here.
    pub applied: u64,
    /// Index of the last log entry stored here.
    pub last_log: u64,
    /// On the leader: the last log index known to match on each other replica; `None` while unknown.
    pub matched: BTreeMap<u64, Option<u64>>,
    /// Bytes of state on disk.
    pub bytes: u64,
    /// Calls in progress.
    pub busy: usize,
    /// Recent rate of accepted calls.
    pub calls_per_second: u32,
    /// Rows in the outbox, counted up to a limit.
    pub outbox: usize,
    /// The first hundred parked outbox rows: row number and reason.
    pub parked: Vec<(u64, String)>,
    /// How often the replica failed and was reopened since the process started.
    pub restarts: u32,
    /// Why the replica was quarantined, if it was.
    pub quarantined: Option<String>,
    /// Whether effects wait for an operator to release them, after a restore.
    pub effects_held: bool,
}

/// The Raft state of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaftRole {
    /// Leads.
    Leader,
    /// Votes, and does not lead.
    Follower,
    /// Does not vote, or has not received its group's membership yet.
    #[default]
    Learner,
}

impl ReplicaStatus {
    /// How many log entries a replica lacks, by the leader's last information.
    pub fn lag_of(&self, replica: u64) -> Option<u64> {
        // A replica without a match, because a snapshot is on its way to it, lacks the whole log.
        let lag =
            |matched: &Option<u64>| matched.map_or(self.last_log + 1, |at| self.last_log.saturating_sub(at));
        self.matched.get(&replica).map(lag)
    }

    /// The raft ids of all voters and learners, and their nodes.
    pub fn members(&self) -> impl Iterator<Item = (u64, &str)> {
        self.voters.iter().chain(&self.learners).map(|(id, node)| (*id, node.as_str()))
    }
}

/// How a replica starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartMode {
    /// As the only voter of a new group.
    #[serde(alias = "found")]
    Bootstrap,
    /// Without members, until the group's leader sends entries or a snapshot.
    Join,
}
