//! The records of the directory, as they are stored and returned. Enums only grow at their end.

mod differences;
mod moves;
mod plans;

pub use differences::Difference;
pub use moves::{Abort, MoveCause, MoveId, MovePhase, MoveRecord, NewReplica, NotAMoveId, Progress};
pub use plans::{Plan, PlannedMove, RemainingReplica};

use std::collections::BTreeMap;
use std::fmt;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// The cluster. Fixed when it is created, except for `replicas`, placement rules and times in its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name, as in every certificate.
    pub name: String,
    /// 1, incremented by each restore.
    pub epoch: u64,
    pub settings: Settings,
    pub created_at: Timestamp,
    /// Fingerprints of denied certificates, each with its node's name.
    pub denied: Vec<(String, String)>,
}

/// Settings of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The bank (`sandbox`, `stripe`): fixed.
    pub bank: String,
    /// The replicas of a node that is down for this long are replaced on other nodes, in seconds.
    pub replace_after_secs: u32,
    /// The services, by name. `directory` is always one of them.
    pub services: BTreeMap<String, ServiceSettings>,
}

impl Settings {
    /// The settings of a service; the defaults for one without settings.
    pub fn of(&self, service: &str) -> ServiceSettings {
        self.services.get(service).cloned().unwrap_or_default()
    }
}

/// Settings of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSettings {
    /// Number of shards: fixed.
    pub shards: u16,
    /// Replicas of each shard, if there are enough nodes: 1, 3, 5 or 7.
    pub replicas: u8,
    /// Only on nodes with one of these labels; on any node if empty.
    pub only_on: Vec<String>,
    /// Never on the same node as one of these services.
    pub never_with: Vec<String>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { shards: 1, replicas: 3, only_on: Vec::new(), never_with: Vec::new() }
    }
}

/// Default of [`Settings::replace_after_secs`].
pub const REPLACE_AFTER_SECS: u32 = 300;

/// The initial state of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInit {
    /// Its name.
    pub name: String,
    /// 1, or more after a restore.
    pub epoch: u64,
    pub settings: Settings,
    /// The nodes that are up: groups are bootstrapped on these.
    pub nodes: Vec<NodeProfile>,
    /// Groups that have their first replica already, by name: at least `directory/0`.
    pub placed: BTreeMap<String, ReplicaLocation>,
}

/// A replica's node and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplicaLocation {
    pub node: String,
    /// Its raft id: random, never reused.
    pub replica: u64,
}

/// A node's description of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its id, as in its certificate. A new node of the same name has another id.
    pub node_id: u64,
    /// Address for other nodes: `host:port`.
    pub address: String,
    /// Address of its HTTP server, if it has one.
    pub http_address: Option<String>,
    /// Its failure domain: a rack, a building.
    pub zone: String,
    /// Labels for placement rules.
    pub labels: Vec<String>,
    /// The program's version.
    pub version: String,
    /// Fingerprint of its certificate, as printed by `openssl x509 -fingerprint -sha256`; empty without certificates.
    pub fingerprint: String,
    /// Free disk space in bytes.
    pub disk_free_bytes: u64,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its last reported profile.
    pub profile: NodeProfile,
    /// Whether it can be reached.
    pub up: bool,
    /// When `up` last changed.
    pub since: Timestamp,
    /// Its lifecycle stage.
    pub lifecycle: Lifecycle,
    /// When `lifecycle` last changed.
    pub lifecycle_since: Timestamp,
    pub joined_at: Timestamp,
}

/// The lifecycle stage of a node, whether it is up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lifecycle {
    /// It takes replicas and leaders.
    Active,
    /// Its replicas and leaders are moving to other nodes; it takes no new ones.
    Draining,
    /// All replicas that can move have moved; it takes no new ones.
    Drained,
    /// Its replicas and leaders are moving to other nodes, after which it is removed permanently.
    Decommissioning,
    /// It was removed permanently; its certificate is denied.
    Decommissioned,
}

impl Lifecycle {
    /// The state of a node that can or cannot be reached. A node that cannot be reached is down, also while it is drained.
    pub fn state(self, up: bool) -> NodeState {
        match self {
            Self::Decommissioned => NodeState::Decommissioned,
            Self::Active | Self::Draining | Self::Drained | Self::Decommissioning if !up => NodeState::Down,
            Self::Active => NodeState::Up,
            Self::Draining | Self::Decommissioning => NodeState::Draining,
            Self::Drained => NodeState::Drained,
        }
    }
}

/// The state of a node, as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum), oai(rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It serves.
    Up,
    /// It cannot be reached.
    Down,
    /// Its replicas and leaders are moving to other nodes; it takes no new ones.
    Draining,
    /// All replicas that can move have moved; it takes no new ones.
    Drained,
    /// It was removed permanently.
    Decommissioned,
}

impl NodeRecord {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// Its state as it was recorded.
    pub fn state(&self) -> NodeState {
        self.lifecycle.state(self.up)
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

/// A group and its members. Its current leader and the progress of its replicas are in the status that nodes report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// `reservations/3`.
    pub group: String,
    /// `reservations`.
    pub service: String,
    /// 3.
    pub shard: u16,
    /// Replicas that it should have, if there are enough nodes.
    pub wanted: u8,
    /// Its replicas, by node and id. Empty until it is bootstrapped.
    pub replicas: Vec<ReplicaRecord>,
    /// The node that opens its first replica, until that is done.
    pub bootstrap_node: Option<String>,
    /// Its active move.
    pub moving: Option<MoveId>,
    /// Raft ids of its former replicas, which must not be reused. The oldest are dropped.
    pub former: Vec<u64>,
    /// After a failed or cancelled move: the reconciler starts no move of this group until then.
    pub backoff_until: Option<Timestamp>,
    /// The leader's node when it was last measured.
    pub leader: Option<String>,
    /// Size of its state in bytes when it was last measured.
    pub bytes: u64,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaRecord {
    pub location: ReplicaLocation,
    /// Whether it is a voter, or a learner.
    pub voter: bool,
    /// When its node was found to lack it.
    pub lost_since: Option<Timestamp>,
}

impl GroupRecord {
    /// Its voters.
    pub fn voters(&self) -> impl Iterator<Item = &ReplicaRecord> {
        self.replicas.iter().filter(|replica| replica.voter)
    }

    /// Whether any of its replicas is on `node`.
    pub fn is_on(&self, node: &str) -> bool {
        self.replicas.iter().any(|replica| replica.location.node == node)
    }

    /// Whether a replica has this raft id.
    pub fn has(&self, replica: u64) -> bool {
        self.replicas.iter().any(|known| known.location.replica == replica)
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Sequence number, from 1.
    pub number: u64,
    pub at: Timestamp,
    /// The subject (`usr_…`, a client's id, `svc:directory`).
    pub by: String,
    /// The action: `move`, `cancel`, `drain`, `lost`, …
    pub verb: String,
    /// The node, group or move that it concerns.
    pub subject: String,
    /// Details for operators.
    pub detail: String,
}

/// A consistent copy of the directory's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Increases with every change.
    pub revision: u64,
    /// Time of the query or command.
    pub now: Timestamp,
    /// The cluster.
    pub cluster: Cluster,
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeRecord>,
    /// Groups by name.
    pub groups: BTreeMap<String, GroupRecord>,
    /// Active moves, oldest first.
    pub moves: Vec<MoveRecord>,
}
