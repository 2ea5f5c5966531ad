//! What the directory keeps, as others see it. Stored as it is here: enums only grow at their end.

mod differences;
mod moves;
mod plans;

pub use differences::Difference;
pub use moves::{Cause, Ending, Joining, MoveId, MoveRecord, NotAMoveId, Phase, Progress};
pub use plans::{Plan, Planned, Stay};

use std::collections::BTreeMap;
use std::fmt;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// The cluster: fixed when it is made, but for its settings' `replicas`, rules and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name, as in every certificate.
    pub name: String,
    /// 1, and one more after each restore.
    pub epoch: u64,
    /// How it is set.
    pub settings: Settings,
    /// When it was made.
    pub founded_at: Timestamp,
    /// Fingerprints of certificates that are not good any more, each with its node's name.
    pub denied: Vec<(String, String)>,
}

/// What is set for the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Who the bank is (`sandbox`, `stripe`): fixed.
    pub bank: String,
    /// A node that was away for so long has its replicas made again elsewhere, in seconds.
    pub replace_after_secs: u32,
    /// The services, by name. `directory` is one of them whether it is named or not.
    pub services: BTreeMap<String, ServiceSettings>,
}

impl Settings {
    /// What is set for a service; the usual for one that is not named.
    pub fn of(&self, service: &str) -> ServiceSettings {
        self.services.get(service).cloned().unwrap_or_default()
    }
}

/// What is set for one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSettings {
    /// How many shards: fixed.
    pub shards: u16,
    /// Replicas of each, where there are nodes enough: 1, 3, 5 or 7.
    pub replicas: u8,
    /// Only on nodes that have one of these labels; anywhere when empty.
    pub only_on: Vec<String>,
    /// Never on a node beside one of these services.
    pub never_with: Vec<String>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { shards: 1, replicas: 3, only_on: Vec::new(), never_with: Vec::new() }
    }
}

/// The usual time until a lost node's replicas are made again elsewhere, in seconds.
pub const REPLACE_AFTER_SECS: u32 = 300;

/// How a cluster begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foundation {
    /// Its name.
    pub name: String,
    /// 1, or more after a restore.
    pub epoch: u64,
    /// How it is set.
    pub settings: Settings,
    /// The nodes that are up: groups are founded on these.
    pub nodes: Vec<NodeProfile>,
    /// Groups that have their first replica already, by name: `directory/0` at least.
    pub placed: BTreeMap<String, Home>,
}

/// Where a replica is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Home {
    /// The node's name.
    pub node: String,
    /// Its raft id: random, never used again.
    pub replica: u64,
}

/// A node as it announces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its id, as in its certificate: another one when a node of the same name is made anew.
    pub node_id: u64,
    /// Where other nodes find it: `host:port`.
    pub address: String,
    /// Where its edge listens, if it is one.
    pub http_address: Option<String>,
    /// Nodes of one zone may fail together: a rack, a building.
    pub zone: String,
    /// What placement rules know it by.
    pub labels: Vec<String>,
    /// The program's version.
    pub version: String,
    /// Its certificate's, in the form that `openssl x509 -fingerprint -sha256` prints; empty without certificates.
    pub fingerprint: String,
    /// Bytes that its disk has left.
    pub disk_free_bytes: u64,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// As it announced itself last.
    pub profile: NodeProfile,
    /// Whether it can be reached.
    pub up: bool,
    /// Since when it can, or cannot.
    pub since: Timestamp,
    /// What it is for.
    pub duty: Duty,
    /// Since when.
    pub duty_since: Timestamp,
    /// When it became a member.
    pub joined_at: Timestamp,
}

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Duty {
    /// It takes replicas and leaders.
    Serving,
    /// It is being emptied.
    Draining,
    /// It is empty as far as it can be.
    Drained,
    /// It is being emptied to be removed for good.
    Leaving,
    /// It was removed for good, its certificate denied.
    Gone,
}

/// A node's state in one word, as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeState {
    /// It serves.
    Up,
    /// It cannot be reached.
    Down,
    /// It is being emptied.
    Draining,
    /// It is empty as far as it can be.
    Drained,
    /// It was removed for good.
    Decommissioned,
}

impl NodeRecord {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// Its state in one word: what cannot be reached is down, whatever it was for.
    pub fn state(&self) -> NodeState {
        match (self.duty, self.up) {
            (Duty::Gone, _) => NodeState::Decommissioned,
            (_, false) => NodeState::Down,
            (Duty::Serving, true) => NodeState::Up,
            (Duty::Draining | Duty::Leaving, true) => NodeState::Draining,
            (Duty::Drained, true) => NodeState::Drained,
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Decommissioned => "decommissioned",
        })
    }
}

/// A group: who should be in it. Who leads it and how far each replica is, the board knows better than this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// `reservations/3`.
    pub group: String,
    /// `reservations`.
    pub service: String,
    /// 3.
    pub shard: u16,
    /// Replicas that it should have where there are nodes enough.
    pub wanted: u8,
    /// Its replicas, by node and then id. None until it is founded.
    pub replicas: Vec<ReplicaRecord>,
    /// Who founds it, until it is founded.
    pub founder: Option<String>,
    /// The move that is under way.
    pub moving: Option<MoveId>,
    /// Raft ids that were its replicas once and must never be again; the oldest are forgotten.
    pub former: Vec<u64>,
    /// A move failed or was cancelled: until then nothing is started for this group by itself.
    pub rests_until: Option<Timestamp>,
    /// Who led it when that was last measured.
    pub leader: Option<String>,
    /// Bytes of its state when they were last measured.
    pub bytes: u64,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaRecord {
    /// Where, and its raft id.
    pub home: Home,
    /// Whether it votes, or only listens as yet.
    pub voter: bool,
    /// Its node came back without it, at this time.
    pub gone_since: Option<Timestamp>,
}

impl GroupRecord {
    /// Those that vote.
    pub fn voters(&self) -> impl Iterator<Item = &ReplicaRecord> {
        self.replicas.iter().filter(|replica| replica.voter)
    }

    /// Whether any of its replicas is on `node`.
    pub fn is_on(&self, node: &str) -> bool {
        self.replicas.iter().any(|replica| replica.home.node == node)
    }

    /// Whether `replica` belongs to it.
    pub fn has(&self, replica: u64) -> bool {
        self.replicas.iter().any(|known| known.home.replica == replica)
    }
}

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Counts up from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The subject (`usr_…`, a client's id, `svc:directory`).
    pub by: String,
    /// A verb: `move`, `cancel`, `drain`, `lost`, …
    pub verb: String,
    /// What it concerned: a node, a group, a move.
    pub subject: String,
    /// More, in words.
    pub detail: String,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Grows with every change.
    pub revision: u64,
    /// The asker's time.
    pub now: Timestamp,
    /// The cluster.
    pub cluster: Cluster,
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeRecord>,
    /// Groups by name.
    pub groups: BTreeMap<String, GroupRecord>,
    /// Moves that are not over, oldest first.
    pub moves: Vec<MoveRecord>,
}
