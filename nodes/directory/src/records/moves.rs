//! Moves.

use std::fmt;
use std::str::FromStr;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::Home;

/// A move's id: `mov_17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct MoveId(pub u64);

impl fmt::Display for MoveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mov_{}", self.0)
    }
}

/// What is no move's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a move's id looks like mov_17")]
pub struct NotAMoveId;

impl FromStr for MoveId {
    type Err = NotAMoveId;

    fn from_str(text: &str) -> Result<Self, NotAMoveId> {
        let number = text.strip_prefix("mov_").ok_or(NotAMoveId)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        number.parse().ok().filter(|_| plain).map(Self).ok_or(NotAMoveId)
    }
}

/// Where a move is. Its last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// New replicas are opened and made learners.
    Adding,
    /// They get what the group has.
    CatchingUp,
    /// The voters change, and the leadership where that is on the old one.
    Switching,
    /// What is not wanted any more is deleted: the old replica, or after a cancellation or failure the new one.
    Removing,
    /// It is done.
    Done,
    /// It was given up: the record says why.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Adding,
        Self::CatchingUp,
        Self::Switching,
        Self::Removing,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        match self {
            Self::Adding | Self::CatchingUp | Self::Switching | Self::Removing => false,
            Self::Done | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adding => "adding",
            Self::CatchingUp => "catching_up",
            Self::Switching => "switching",
            Self::Removing => "removing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

/// Why a move is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// Somebody asked for it.
    Operator,
    /// The group has fewer replicas than it should.
    Growth,
    /// A replica was lost with its node or its disk.
    Repair,
    /// Its node is being emptied.
    Drain,
    /// Its node is being removed for good.
    Decommission,
    /// To even things out.
    Rebalance,
    /// The settings have changed: more replicas than are wanted, or a place that the rules forbid.
    Settings,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "operator",
            Self::Growth => "growth",
            Self::Repair => "repair",
            Self::Drain => "drain",
            Self::Decommission => "decommission",
            Self::Rebalance => "rebalance",
            Self::Settings => "settings",
        })
    }
}

/// A move: a change of who is in a group, or of who leads it. It survives whoever performs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveRecord {
    /// Its id; later moves have greater ones.
    pub id: MoveId,
    /// The group.
    pub group: String,
    /// Only the leadership moves: to the first of `add`, whose replica is there already.
    pub leader_only: bool,
    /// Replicas that come.
    pub add: Vec<Joining>,
    /// Replicas that go.
    pub remove: Vec<Home>,
    /// Who led when a move of leadership began.
    pub led_by: Option<String>,
    /// Why.
    pub cause: Cause,
    /// The subject of who asked; the steward's where nobody did.
    pub by: String,
    /// Where it is.
    pub phase: Phase,
    /// In `removing`: that it does not end as it should, and how.
    pub ending: Option<Ending>,
    /// What it waits for, if for anything out of the ordinary.
    pub waiting: Option<String>,
    /// How far it is, a second old at most while it runs.
    pub progress: Progress,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its phase changed last.
    pub phase_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// A replica that comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// Where.
    pub node: String,
    /// Its raft id, once it is opened.
    pub replica: Option<u64>,
}

/// How a move ends that does not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Somebody cancelled it.
    Cancelled {
        /// Their subject.
        by: String,
    },
    /// It could not be done.
    Failed {
        /// Why.
        why: String,
    },
}

impl MoveRecord {
    /// The node that gives something away, if one does.
    pub fn from(&self) -> Option<&str> {
        self.remove.first().map(|home| home.node.as_str()).or(self.led_by.as_deref())
    }

    /// The first node that takes something, if one does; growth has several: see `add`.
    pub fn to(&self) -> Option<&str> {
        self.add.first().map(|joining| joining.node.as_str())
    }

    /// Whether anything of it is to be done on `node`.
    pub fn concerns(&self, node: &str) -> bool {
        self.add.iter().any(|joining| joining.node == node)
            || self.remove.iter().any(|home| home.node == node)
    }
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Progress {
    /// Bytes that the new replicas have.
    pub bytes_done: u64,
    /// Bytes that they will have, about.
    pub bytes_total: u64,
    /// Log entries that the last of them is behind its leader.
    pub lag: u64,
    /// Seconds left, where that can be told.
    pub secs_left: Option<u32>,
}
