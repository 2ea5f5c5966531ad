//! The commands and queries of the directory.
//!
//! Commands of operators require the scope `cluster:manage` and carry the operator's own token. Commands of the reconciler
//! are sent by `svc:directory`, or with a node's own credential while `auth` is not available. Queries require
//! `cluster:read` or `cluster:manage`.

mod refusal;

pub use refusal::Refusal;

use protocol::{Access, Contract, Route, scope};
use serde::{Deserialize, Serialize};

use crate::records::{
    AuditRecord, Cluster, ClusterInit, GroupRecord, MoveId, MovePhase, MoveRecord, NodeProfile, NodeRecord,
    Plan, Progress, Settings, State,
};

/// The directory's contract.
#[derive(Debug, Clone, Copy)]
pub struct Directory;

/// The service's name.
pub const SERVICE: &str = "directory";

/// The directory's own group.
pub const GROUP: &str = "directory/0";

/// Largest number of entries that one query returns.
pub const PAGE_MAX: u16 = 100;

/// Changes state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Initializes the cluster, once. Repeating it with the same content returns [`Reply::Done`].
    Init(Box<ClusterInit>),
    /// Changes the settings: replicas, placement rules, `replace_after_secs`. Shards and bank are fixed. The reconciler then
    /// starts the moves that follow; [`Intent::Configure`] returns them beforehand.
    Configure(Box<Settings>),
    /// Moves one replica of a group, or only its leadership, to another node. Returns [`Reply::Move`]. Repeating it while the
    /// move is active returns the same move.
    Move {
        /// `reservations/3`.
        group: String,
        /// The node whose replica is removed. If absent, the directory chooses: a lost replica first, then the one whose
        /// removal spreads the group best over zones, then the one on the fullest node. For a move of leadership: the
        /// expected current leader, if it matters.
        from: Option<String>,
        to: String,
        /// Whether only leadership moves, and no replica.
        leader_only: bool,
    },
    /// Cancels a move that is not switching yet. Returns [`Reply::Move`], with `abort` set.
    CancelMove { id: MoveId },
    /// Moves leadership off a node at once, and its replicas where another node can take them. Returns [`Reply::Started`];
    /// [`Plan::remaining`] lists the replicas that stay on the node, and the quorum of their groups without it.
    Drain { node: String },
    /// Lets a drained node take replicas and leaders again. Returns [`Reply::Node`].
    Uncordon { node: String },
    /// Removes a node permanently: its replicas move to other nodes, then its certificate is denied. Returns
    /// [`Reply::Started`].
    Decommission { node: String },
    /// Balances groups and leaders over the nodes. Returns [`Reply::Started`]; [`Query::Plan`] is its dry run.
    Rebalance,
    /// A group was recovered from a single replica, after its majority was lost permanently. Entries that only the other
    /// replicas had are lost. Recorded after the node has done it, with the new replica's id.
    Recovered {
        group: String,
        /// The node of its only voter.
        node: String,
        /// That voter's raft id.
        replica: u64,
    },

    // -- from the reconciler
    /// A node is up, or its profile changed.
    NodeUp(Box<NodeProfile>),
    /// A node cannot be reached.
    NodeDown { node: String },
    /// The first replica of a group was opened.
    GroupBootstrapped {
        group: String,
        /// The group's bootstrap node.
        node: String,
        /// Its raft id.
        replica: u64,
    },
    /// A node that is up lacks a replica that it should have: its disk is new, or was erased.
    ReplicaLost { group: String, node: String, replica: u64 },
    /// A replica that was recorded as lost is reported again: it was slow to open.
    ReplicaReturned { group: String, node: String, replica: u64 },
    /// Starts the moves that the state of the cluster calls for: lost replicas are replaced, draining nodes are emptied,
    /// groups grow or shrink. Returns [`Reply::Started`], which is empty if there is nothing to do.
    Repair,
    /// A step of a move is done. Returns [`Reply::Move`].
    Advance {
        id: MoveId,
        /// The expected phase: in any other phase the command is refused with [`Refusal::Stale`].
        phase: MovePhase,
        step: Step,
    },
    /// Progress of moves, about once a second. Moves that have ended are ignored.
    Report(Vec<(MoveId, Progress)>),
    /// Measured values, for plans. They are approximate.
    Measured(Measured),
    /// A node is drained: it leads no group, and all replicas that another node can take have moved.
    NodeDrained { node: String },
}

/// A step of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A new replica was opened on a node, under this raft id.
    Opened {
        node: String,
        /// Its raft id.
        replica: u64,
    },
    /// All new replicas are learners of the group: `adding` → `catching_up`.
    Added,
    /// The new replicas have caught up: `catching_up` → `switching`. The move cannot be cancelled from then on.
    CaughtUp,
    /// The voters have changed: `switching` → `removing`. A move of leadership is then done.
    Switched,
    /// Replicas that are no longer needed were deleted where their nodes could be reached: the move has ended.
    Removed,
    /// The move failed before `switching`: `removing` what was added, then `failed`.
    Fail { why: String },
    /// The move waits; with an empty reason, it no longer waits.
    Waiting {
        /// The reason, for operators.
        why: String,
    },
}

/// See [`Command::Measured`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Measured {
    /// Free disk space of nodes, in bytes.
    pub disk_free_bytes: Vec<(String, u64)>,
    /// Group, its leader's node, and the size of its state there in bytes.
    pub groups: Vec<(String, Option<String>, u64)>,
}

/// The reply to a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    Done,
    /// The node after the command.
    Node(Box<NodeRecord>),
    /// The move after the command.
    Move(Box<MoveRecord>),
    /// A plan was made, and its moves were created.
    Started {
        plan: Box<Plan>,
        moves: Vec<MoveRecord>,
    },
}

/// Reads state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The cluster's record.
    Cluster,
    /// All nodes by name, including decommissioned ones.
    Nodes,
    /// One node.
    Node { node: String },
    /// All groups, by name.
    Groups,
    /// One group.
    Group { group: String },
    /// Moves, newest first.
    Moves {
        /// Only moves before this one.
        before: Option<MoveId>,
        /// Only moves that have not ended.
        active: bool,
        /// The largest number of entries to return, 1 to [`PAGE_MAX`].
        limit: u16,
    },
    /// One move.
    Move { id: MoveId },
    /// The audit log, newest first.
    Audit {
        /// Only records before this number.
        before: Option<u64>,
        /// The largest number of entries to return, 1 to [`PAGE_MAX`].
        limit: u16,
    },
    /// What a command would do, or why it would be refused (dry run).
    Plan(Intent),
    /// Whether a node can be stopped now without any group losing its quorum. Returns a plan with [`Plan::remaining`] only.
    SafeToStop { node: String },
    /// A consistent copy of the cluster, nodes, groups and active moves.
    State,
    /// The number of the last change. Cheap: for polling.
    Revision,
}

/// A command to plan without executing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// [`Command::Rebalance`].
    Rebalance,
    /// [`Command::Drain`].
    Drain(String),
    /// [`Command::Decommission`].
    Decommission(String),
    /// [`Command::Repair`]: what the reconciler does next.
    Repair,
    /// [`Command::Configure`]: what the reconciler would do next with these settings.
    Configure(Box<Settings>),
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The cluster.
    Cluster(Box<Cluster>),
    /// Nodes.
    Nodes(Vec<NodeRecord>),
    /// One node.
    Node(Box<NodeRecord>),
    /// Groups.
    Groups(Vec<GroupRecord>),
    /// One group.
    Group(Box<GroupRecord>),
    /// Moves.
    Moves {
        /// Newest first.
        items: Vec<MoveRecord>,
        /// Pass as `before` for the next page; none at the end.
        next: Option<MoveId>,
    },
    /// One move.
    Move(Box<MoveRecord>),
    /// The audit log.
    Audit {
        /// Newest first.
        items: Vec<AuditRecord>,
        /// Pass as `before` for the next page; none at the end.
        next: Option<u64>,
    },
    /// A plan.
    Plan(Box<Plan>),
    State(Box<State>),
    /// The number of the last change.
    Revision(u64),
}

/// Services as which the reconciler may call: with its own token, or with its node's credential.
const RECONCILER: &[&str] = &["directory", "node"];

impl Contract for Directory {
    const SERVICE: &'static str = SERVICE;
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(_: &Command) -> Route {
        Route::SINGLE
    }

    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }

    fn command_access(command: &Command) -> Access {
        match command {
            // The first command of a cluster: `auth` cannot issue tokens yet.
            Command::Init(_) | Command::Configure(_) | Command::Recovered { .. } => {
                Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["cluster", "setup", "node"])
            }
            Command::Move { .. }
            | Command::CancelMove { .. }
            | Command::Drain { .. }
            | Command::Uncordon { .. }
            | Command::Decommission { .. }
            | Command::Rebalance => Access::scopes(&[scope::CLUSTER_MANAGE]),
            Command::NodeUp(_)
            | Command::NodeDown { .. }
            | Command::GroupBootstrapped { .. }
            | Command::ReplicaLost { .. }
            | Command::ReplicaReturned { .. }
            | Command::Repair
            | Command::Advance { .. }
            | Command::Report(_)
            | Command::Measured(_)
            | Command::NodeDrained { .. } => Access::services(RECONCILER),
        }
    }

    fn query_access(_: &Query) -> Access {
        Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]).or_services(&[
            "directory",
            "node",
            "cluster",
            "setup",
        ])
    }
}
