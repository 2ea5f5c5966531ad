//! Status of a replica.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use openraft::async_runtime::WatchReceiver;

use crate::replica::Replica;
use crate::types::RaftNode;

/// Status of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Raft id of the replica.
    pub id: u64,
    /// Raft id of the leader, if known.
    pub leader_id: Option<u64>,
    /// Current term.
    pub term: u64,
    /// Index of the last log entry.
    pub last_log: Option<u64>,
    /// Index of the last entry known to be committed.
    pub committed: Option<u64>,
    /// Index of the last entry applied on this replica.
    pub applied: Option<u64>,
    /// Index up to which the state is on disk, so that the log may be purged.
    pub snapshot: Option<u64>,
    /// Index up to which the log is purged.
    pub purged: Option<u64>,
    /// Voters.
    pub voters: BTreeMap<u64, RaftNode>,
    /// Learners.
    pub learners: BTreeMap<u64, RaftNode>,
    /// Whether the membership is a joint configuration, because a change of voters is in progress.
    pub joint: bool,
    /// On a leader: the last log index that each replica is known to have.
    pub matched: BTreeMap<u64, Option<u64>>,
    /// Why the replica stopped, if it did.
    pub stopped: Option<String>,
}

impl Replica {
    /// Status of the replica.
    pub fn status(&self) -> Status {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let members = &metrics.membership_config;
        let voter_ids: BTreeSet<u64> = members.voter_ids().collect();
        let (voters, learners) = members
            .nodes()
            .map(|(id, member)| (*id, member.clone()))
            .partition(|(id, _)| voter_ids.contains(id));
        let index = |log_id: Option<crate::types::LogId>| log_id.map(|log_id| log_id.index);
        let matched = metrics.replication.unwrap_or_default();
        // openraft's metrics are updated slightly after the reply to a proposal.
        let applied = self.inner.shared.applied_next.load(Ordering::Acquire).checked_sub(1);
        Status {
            id: self.inner.id,
            leader_id: metrics.current_leader,
            term: metrics.current_term,
            last_log: metrics.last_log_index.max(applied),
            committed: index(metrics.local_committed).max(applied),
            applied,
            snapshot: index(metrics.snapshot),
            purged: index(metrics.purged),
            voters,
            learners,
            joint: members.get_joint_config().len() > 1,
            matched: matched.into_iter().map(|(id, log_id)| (id, index(log_id))).collect(),
            stopped: self.inner.shared.stop_reason().map(|reason| reason.to_string()),
        }
    }
}
