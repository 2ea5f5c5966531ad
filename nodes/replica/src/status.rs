//! How a group's replica stands: what operators, the directory and routing go by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a group is on this node, for operators and for the board.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GroupStatus {
    /// `reservations/0`.
    pub group: String,
    /// The replica's raft id: drawn when it was made, never used again.
    pub id: u64,
    /// Whether this replica leads, follows or only listens.
    pub role: ReplicaRole,
    /// Whether this replica leads.
    pub leader: bool,
    /// The current term.
    pub term: u64,
    /// Who leads, as far as this replica knows: its raft id and its node.
    pub led_by: Option<(u64, String)>,
    /// Who votes, and on which node.
    pub voters: BTreeMap<u64, String>,
    /// Who only listens, and on which node.
    pub learners: BTreeMap<u64, String>,
    /// A change of voters is half done.
    pub joint: bool,
    /// The last log entry that was applied here.
    pub applied: u64,
    /// The last log entry that is here.
    pub last_log: u64,
    /// For a leader: up to which entry each other replica is known to have the log; nothing where nothing is known.
    pub matched: BTreeMap<u64, Option<u64>>,
    /// Bytes of state on disk.
    pub bytes: u64,
    /// Calls being answered.
    pub busy: usize,
    /// Calls let in, a second, lately.
    pub calls_per_second: u32,
    /// Outbox rows that wait, as far as they are counted.
    pub outbox: usize,
    /// Outbox rows that an operator has to look at: number and reason. The first hundred.
    pub parked: Vec<(u64, String)>,
    /// How often the replica failed and was opened again since this process started.
    pub restarts: u32,
    /// Why the group was given up here, if it was.
    pub quarantined: Option<String>,
    /// Whether its effects wait for an operator's word, since it was restored.
    pub effects_held: bool,
}

/// What a replica is to its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaRole {
    /// It leads.
    Leader,
    /// It votes.
    Follower,
    /// It only listens, or has not been spoken to yet.
    #[default]
    Learner,
}

impl GroupStatus {
    /// How far behind the log of this leader a replica is known to be, in entries.
    pub fn lag_of(&self, replica: u64) -> Option<u64> {
        // One that has nothing yet, because a snapshot is on its way to it, lacks all of it.
        let behind =
            |matched: &Option<u64>| matched.map_or(self.last_log + 1, |at| self.last_log.saturating_sub(at));
        self.matched.get(&replica).map(behind)
    }

    /// All members of the group, and where they are.
    pub fn members(&self) -> impl Iterator<Item = (u64, &str)> {
        self.voters.iter().chain(&self.learners).map(|(id, node)| (*id, node.as_str()))
    }
}
