//! What the directory may be told and asked.
//!
//! Operators' commands want `cluster:manage` and travel with the operator's own token; those of the steward are sent by
//! `svc:directory`, or by a node's own credential while `auth` has not been founded or does not answer. Queries want
//! `cluster:read` or `cluster:manage`.

mod refusal;

pub use refusal::Refusal;

use protocol::{Access, Contract, Route};
use serde::{Deserialize, Serialize};

use crate::records::{
    AuditRecord, Cluster, Foundation, GroupRecord, MoveId, MoveRecord, NodeProfile, NodeRecord, Phase, Plan,
    Progress, Settings, State,
};

/// Marker of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Directory;

/// The service's name.
pub const SERVICE: &str = "directory";

/// The directory's own group.
pub const GROUP: &str = "directory/0";

/// Entries of a list that one query brings at most.
pub const PAGE_MAX: u16 = 100;

/// Changes state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Makes the cluster. Once; the same foundation again is answered with [`Reply::Done`].
    Found(Box<Foundation>),
    /// Adopts changed settings: replicas, rules, `replace_after_secs`. Shards and bank are fixed. What follows from it the
    /// steward begins by itself: [`Intent::Configure`] tells beforehand what that is.
    Configure(Box<Settings>),
    /// Moves one replica of a group, or only its leadership, to another node.
    /// Answered with [`Reply::Move`]; the same again while it is under way answers with the same move.
    Move {
        /// `reservations/3`.
        group: String,
        /// The node that gives its replica away. Without it: where `to` has none, the fullest node whose replica may go.
        /// For a move of leadership: who is expected to lead now, if it matters.
        from: Option<String>,
        /// The node that takes it.
        to: String,
        /// Only the leadership.
        leader_only: bool,
    },
    /// Gives a move up, until it is switching. Answered with [`Reply::Move`], whose `ending` is set.
    CancelMove {
        /// Which.
        id: MoveId,
    },
    /// Takes leaders off a node at once, and its replicas where another node can take them. Answered with
    /// [`Reply::Started`]; its plan's `stays` say what is left on the node and how each group stands without it.
    Drain {
        /// Which.
        node: String,
    },
    /// Lets a node that was drained take replicas and leaders again. Answered with [`Reply::Node`].
    Uncordon {
        /// Which.
        node: String,
    },
    /// Removes a node for good: its replicas go elsewhere, then its certificate is denied. Answered with
    /// [`Reply::Started`].
    Decommission {
        /// Which.
        node: String,
    },
    /// Evens groups and leaders out. [`Query::Plan`] is its dry run. Answered with [`Reply::Started`].
    Rebalance,
    /// A group was founded anew from what one node has left of it, after its majority was lost for good. What the others
    /// had and this one had not is gone. Recorded after the node has done it, with the id that it answered.
    Recovered {
        /// Which group.
        group: String,
        /// Where its only voter is now.
        node: String,
        /// That voter's raft id.
        replica: u64,
    },

    // -- from the steward
    /// A node is there: as it announced itself. Also when something about it changed.
    NodeSeen(Box<NodeProfile>),
    /// A node's session is gone, or it does not answer.
    NodeLost {
        /// Which.
        node: String,
    },
    /// A new group was opened by its founder.
    Placed {
        /// Which group.
        group: String,
        /// The founder.
        node: String,
        /// Its raft id.
        replica: u64,
    },
    /// A node that is up does not have a replica that it should have: its disk is new, or was emptied.
    ReplicaGone {
        /// Which group.
        group: String,
        /// Which node.
        node: String,
        /// Which replica.
        replica: u64,
    },
    /// And now it has it again: it was slow to open.
    ReplicaBack {
        /// Which group.
        group: String,
        /// Which node.
        node: String,
        /// Which replica.
        replica: u64,
    },
    /// Starts what the state of the cluster asks for: groups grow, lost replicas are replaced, nodes are emptied.
    /// Answered with [`Reply::Started`], empty where nothing was to be done.
    Tend,
    /// A step of a move is done. Answered with [`Reply::Move`].
    Advance {
        /// Which move.
        id: MoveId,
        /// The phase that it is believed to be in: in another one this is [`Refusal::Stale`].
        phase: Phase,
        /// What was done.
        step: Step,
    },
    /// How moves come along, each second or so, for those who cannot ask the steward. Moves that are over are passed by.
    Report(Vec<(MoveId, Progress)>),
    /// What was measured: never exact, good enough for plans.
    Measured(Measured),
    /// Nothing more can be taken off a node: leaders are gone, and so are the replicas that have another place.
    Emptied {
        /// Which.
        node: String,
    },
}

/// What the steward has done for a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A new replica was opened on a node, under this raft id.
    Opened {
        /// Which node.
        node: String,
        /// The new replica.
        replica: u64,
    },
    /// All new replicas are learners of the group: `adding` → `catching_up`.
    Added,
    /// They have caught up: `catching_up` → `switching`. From here on there is no way back.
    CaughtUp,
    /// The voters are as the move wants them: `switching` → `removing`. A move of leadership is done then.
    Switched,
    /// What is not wanted any more is closed and deleted (where its node could be reached): the move is over.
    Removed,
    /// It cannot be done: until it is switching. `removing` what was added, then `failed`.
    GiveUp {
        /// Why.
        why: String,
    },
    /// Waits for something, and for what; empty when it waits no more.
    Waiting {
        /// In words, for operators.
        why: String,
    },
}

/// See [`Command::Measured`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Measured {
    /// Free bytes on the disks of nodes.
    pub disk_free_bytes: Vec<(String, u64)>,
    /// Group, its leader's node, and the bytes of its state there.
    pub groups: Vec<(String, Option<String>, u64)>,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Done.
    Done,
    /// A node as it is now.
    Node(Box<NodeRecord>),
    /// A move as it is now.
    Move(Box<MoveRecord>),
    /// What was decided, and the moves that were made of it.
    Started {
        /// The whole plan.
        plan: Box<Plan>,
        /// Its moves' records.
        moves: Vec<MoveRecord>,
    },
}

/// Reads state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The cluster's record.
    Cluster,
    /// All nodes, by name; decommissioned ones among them.
    Nodes,
    /// One node.
    Node {
        /// Its name.
        node: String,
    },
    /// All groups, by name.
    Groups,
    /// One group.
    Group {
        /// Its name.
        group: String,
    },
    /// Moves, newest first.
    Moves {
        /// Only those before this one.
        before: Option<MoveId>,
        /// Only those that are not over.
        active: bool,
        /// At most so many, 1 to [`PAGE_MAX`].
        limit: u16,
    },
    /// One move.
    Move {
        /// Which.
        id: MoveId,
    },
    /// Who did what, newest first.
    Audit {
        /// Only those before this number.
        before: Option<u64>,
        /// At most so many, 1 to [`PAGE_MAX`].
        limit: u16,
    },
    /// What a command would do, or why it would be refused: a dry run.
    Plan(Intent),
    /// Whether a node could be stopped now without any group losing its quorum: a plan with nothing but `stays`.
    SafeToStop {
        /// Which.
        node: String,
    },
    /// Everything at one moment: cluster, nodes, groups and moves that are not over.
    State,
    /// The number of the last change: cheap, for those who wait for one.
    Revision,
}

/// What could be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// [`Command::Rebalance`].
    Rebalance,
    /// [`Command::Drain`].
    Drain(String),
    /// [`Command::Decommission`].
    Decommission(String),
    /// [`Command::Tend`]: what the steward will do next by itself.
    Tend,
    /// [`Command::Configure`]: what the steward would do next by itself with these settings.
    Configure(Box<Settings>),
}

/// What a query finds.
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
    /// Everything.
    State(Box<State>),
    /// The number of the last change.
    Revision(u64),
}

/// Scope of those who look.
const READ: &str = "cluster:read";
/// Scope of those who act.
const MANAGE: &str = "cluster:manage";
/// The steward: with its own token, or its node's credential.
const STEWARD: &[&str] = &["directory", "node"];

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
            // The first command of all: nobody has a token of a cluster that is not there.
            Command::Found(_) | Command::Configure(_) | Command::Recovered { .. } => {
                Access::scopes(&[MANAGE]).or_services(&["cluster", "setup", "node"])
            }
            Command::Move { .. }
            | Command::CancelMove { .. }
            | Command::Drain { .. }
            | Command::Uncordon { .. }
            | Command::Decommission { .. }
            | Command::Rebalance => Access::scopes(&[MANAGE]),
            Command::NodeSeen(_)
            | Command::NodeLost { .. }
            | Command::Placed { .. }
            | Command::ReplicaGone { .. }
            | Command::ReplicaBack { .. }
            | Command::Tend
            | Command::Advance { .. }
            | Command::Report(_)
            | Command::Measured(_)
            | Command::Emptied { .. } => Access::services(STEWARD),
        }
    }

    fn query_access(_: &Query) -> Access {
        Access::scopes(&[READ, MANAGE]).or_services(&["directory", "node", "cluster", "setup"])
    }
}
