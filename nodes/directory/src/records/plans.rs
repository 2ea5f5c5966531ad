//! Plans.

use serde::{Deserialize, Serialize};

use super::{Cause, Home};

/// What would be done, or will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Plan {
    /// Moves, in the order in which they begin.
    pub moves: Vec<Planned>,
    /// What stays on the node that is emptied, because no other can take it.
    pub stays: Vec<Stay>,
}

impl Plan {
    /// Whether nothing would be moved.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }

    /// Whether the node could be stopped with what stays on it: no group would lose its quorum.
    pub fn is_safe_to_stop(&self) -> bool {
        self.stays.iter().all(|stay| stay.live >= stay.needed)
    }

    /// The group that would have least to spare without the node: for "safe to stop, quorum 2/3".
    pub fn tightest(&self) -> Option<&Stay> {
        self.stays.iter().min_by_key(|stay| i16::from(stay.live) - i16::from(stay.needed))
    }
}

/// One move of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Which group.
    pub group: String,
    /// Nodes that take a replica; of a move of leadership, the one that takes it.
    pub to: Vec<String>,
    /// Replicas that go.
    pub remove: Vec<Home>,
    /// Only the leadership moves.
    pub leader_only: bool,
    /// Why.
    pub cause: Cause,
}

/// A replica that stays on a node that is emptied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Which group.
    pub group: String,
    /// Voters that can be reached when the node has stopped.
    pub live: u8,
    /// Voters that it has.
    pub voters: u8,
    /// Voters that it needs.
    pub needed: u8,
    /// Why no other node can take it.
    pub why: String,
}
