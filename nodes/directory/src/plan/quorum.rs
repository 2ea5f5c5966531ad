//! Quorums of groups: reachable voters and needed voters.

use crate::records::{GroupRecord, Lifecycle, RemainingReplica, ReplicaRecord, State};

/// The reachable voters of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumStatus {
    /// Reachable voters.
    pub live: usize,
    /// All voters.
    pub voters: usize,
}

impl QuorumStatus {
    /// Voters needed for a quorum.
    pub fn needed(self) -> usize {
        majority(self.voters)
    }

    /// Whether the reachable voters are a quorum.
    pub fn has_quorum(self) -> bool {
        self.live >= self.needed()
    }

    /// As an entry of [`crate::records::Plan::remaining`].
    pub fn remaining(self, group: &str, why: impl Into<String>) -> RemainingReplica {
        RemainingReplica {
            group: group.to_owned(),
            live: to_u8(self.live),
            voters: to_u8(self.voters),
            needed: to_u8(self.needed()),
            why: why.into(),
        }
    }
}

pub(super) fn to_u8(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// The smallest majority.
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// Whether a replica can be reached, according to the records.
pub(super) fn is_reachable(state: &State, replica: &ReplicaRecord) -> bool {
    replica.lost_since.is_none() && state.nodes.get(&replica.location.node).is_some_and(|node| node.up)
}

/// The quorum of a group: now, or once the node `without` has stopped.
pub fn quorum_status(state: &State, group: &GroupRecord, without: Option<&str>) -> QuorumStatus {
    let live = group
        .voters()
        .filter(|replica| without != Some(&replica.location.node) && is_reachable(state, replica))
        .count();
    QuorumStatus { live, voters: group.voters().count() }
}

/// The quorums of all groups with a voter on a node, once that node has stopped.
pub fn without(state: &State, node: &str) -> Vec<RemainingReplica> {
    let there = |group: &&GroupRecord| group.voters().any(|replica| replica.location.node == node);
    let groups = state.groups.values().filter(there);
    groups.map(|group| quorum_status(state, group, Some(node)).remaining(&group.group, "")).collect()
}

/// Whether a replica must be replaced: its node came back without it, has been down for too long, or was removed
/// permanently.
pub fn is_lost(state: &State, replica: &ReplicaRecord) -> bool {
    let Some(node) = state.nodes.get(&replica.location.node) else { return true };
    let patience_secs = i64::from(state.cluster.settings.replace_after_secs);
    replica.lost_since.is_some()
        || node.lifecycle == Lifecycle::Decommissioned
        || (!node.up && node.since.plus_secs(patience_secs) <= state.now)
}
