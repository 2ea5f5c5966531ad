//! Plans: moves that would be made, or will be.

use serde::{Deserialize, Serialize};

use super::{MoveCause, ReplicaLocation};

/// Planned moves, and what cannot move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Plan {
    /// Moves, in the order in which they start.
    pub moves: Vec<PlannedMove>,
    /// Replicas that remain on the drained node, because no other node can take them.
    pub remaining: Vec<RemainingReplica>,
}

impl Plan {
    /// Whether there are no moves.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }

    /// Whether the node can be stopped with the replicas that remain on it: no group would lose its quorum.
    pub fn is_safe_to_stop(&self) -> bool {
        self.remaining.iter().all(|stay| stay.live >= stay.needed)
    }

    /// The remaining replica whose group has the fewest voters beyond its quorum without the node.
    pub fn tightest(&self) -> Option<&RemainingReplica> {
        self.remaining.iter().min_by_key(|stay| i16::from(stay.live) - i16::from(stay.needed))
    }
}

/// A planned move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMove {
    pub group: String,
    /// Nodes that take a replica; for a move of leadership, the new leader's node.
    pub to: Vec<String>,
    /// Replicas to remove.
    pub remove: Vec<ReplicaLocation>,
    /// Whether only leadership moves.
    pub leader_only: bool,
    pub cause: MoveCause,
}

/// A replica that remains on a drained node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemainingReplica {
    pub group: String,
    /// Voters that can be reached once the node has stopped.
    pub live: u8,
    /// Voters of the group.
    pub voters: u8,
    /// Voters needed for a quorum.
    pub needed: u8,
    /// Why no other node can take the replica.
    pub why: String,
}
