//! How groups stand: who of their voters can be reached, and how many they need.

use crate::records::{Duty, GroupRecord, ReplicaRecord, State, Stay};

/// How a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Voters that can be reached.
    pub live: usize,
    /// Voters.
    pub voters: usize,
}

impl Standing {
    /// Voters that it needs.
    pub fn needed(self) -> usize {
        majority(self.voters)
    }

    /// Whether it has its quorum.
    pub fn holds(self) -> bool {
        self.live >= self.needed()
    }

    /// As a plan shows it.
    pub fn stay(self, group: &str, why: impl Into<String>) -> Stay {
        Stay {
            group: group.to_owned(),
            live: small(self.live),
            voters: small(self.voters),
            needed: small(self.needed()),
            why: why.into(),
        }
    }
}

pub(super) fn small(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// How many of so many are most.
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// Whether a replica answers as far as the records tell.
pub(super) fn answers(state: &State, replica: &ReplicaRecord) -> bool {
    replica.gone_since.is_none() && state.nodes.get(&replica.home.node).is_some_and(|node| node.up)
}

/// How a group stands now; with `without`, when that node has stopped.
pub fn standing(state: &State, group: &GroupRecord, without: Option<&str>) -> Standing {
    let live = group
        .voters()
        .filter(|replica| without != Some(&replica.home.node) && answers(state, replica))
        .count();
    Standing { live, voters: group.voters().count() }
}

/// How every group with a voter on a node stands when that node has stopped.
pub fn without(state: &State, node: &str) -> Vec<Stay> {
    let there = |group: &&GroupRecord| group.voters().any(|replica| replica.home.node == node);
    let groups = state.groups.values().filter(there);
    groups.map(|group| standing(state, group, Some(node)).stay(&group.group, "")).collect()
}

/// Whether a replica is to be made again elsewhere: its node came back without it, or was away for too long, or was
/// removed for good.
pub fn is_lost(state: &State, replica: &ReplicaRecord) -> bool {
    let Some(node) = state.nodes.get(&replica.home.node) else { return true };
    let patience_secs = i64::from(state.cluster.settings.replace_after_secs);
    replica.gone_since.is_some()
        || node.duty == Duty::Gone
        || (!node.up && node.since.plus_secs(patience_secs) <= state.now)
}
