//! The commands and queries of the directory.
//!
//! Commands of operators require the scope `cluster:manage` and carry the operator's own token. Commands of the reconciler
//! are sent by `svc:directory`, or with a node's own credential while `auth` is not available. Queries require
//! `cluster:read` or `cluster:manage`.

mod operator;
mod query;
mod reconciler;
mod refusal;

pub use operator::{
    CancelMove, ConfigureCluster, CreateMove, DecommissionNode, DrainNode, InitCluster, RebalanceCluster,
    RecordRecovery, StartedMoves, UncordonNode,
};
pub use query::{
    AuditPage, CheckSafeToStop, GetCluster, GetGroup, GetMove, GetNode, GetPlan, GetRevision, GetState,
    Intent, ListAudit, ListGroups, ListMoves, ListNodes, MovePage,
};
pub use reconciler::{
    AdvanceMove, RecordGroupBootstrapped, RecordMeasurements, RecordNodeDown, RecordNodeDrained,
    RecordNodeUp, RecordProgress, RecordReplicaLost, RecordReplicaReturned, Repair, Step,
};
pub use refusal::Refusal;

use serde::{Deserialize, Serialize};

use crate::records::{Cluster, GroupRecord, MoveRecord, NodeRecord, Plan, State};

/// The service's name.
pub const SERVICE: &str = "directory";

/// The directory's own group.
pub const GROUP: &str = "directory/0";

/// Largest number of entries that one query returns.
pub const PAGE_MAX: u16 = 100;

/// Implements [`protocol::Request`] for a message to the directory, which has one shard: `request!(Message => Reply, access)`.
macro_rules! request {
    ($Message:ty => $Reply:ty, $access:expr) => {
        impl protocol::Request for $Message {
            type Contract = super::Directory;
            type Reply = $Reply;

            fn route(&self) -> protocol::Route {
                protocol::Route::SINGLE
            }

            fn access(&self) -> protocol::Access {
                $access
            }
        }
    };
}
use request;

protocol::contract! {
    /// The directory's contract.
    pub struct Directory = "directory";
    refusal Refusal;

    /// Commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command {
        InitCluster,
        ConfigureCluster,
        CreateMove,
        CancelMove,
        DrainNode,
        UncordonNode,
        DecommissionNode,
        RebalanceCluster,
        RecordRecovery,
        RecordNodeUp,
        RecordNodeDown,
        RecordGroupBootstrapped,
        RecordReplicaLost,
        RecordReplicaReturned,
        Repair,
        AdvanceMove,
        RecordProgress,
        RecordMeasurements,
        RecordNodeDrained,
    }

    /// Replies to commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply {
        Done(()),
        Node(Box<NodeRecord>),
        Move(Box<MoveRecord>),
        Started(StartedMoves),
    }

    /// Queries.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Query {
        GetCluster,
        ListNodes,
        GetNode,
        ListGroups,
        GetGroup,
        ListMoves,
        GetMove,
        ListAudit,
        GetPlan,
        CheckSafeToStop,
        GetState,
        GetRevision,
    }

    /// Replies to queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer {
        Cluster(Box<Cluster>),
        Nodes(Vec<NodeRecord>),
        Node(Box<NodeRecord>),
        Groups(Vec<GroupRecord>),
        Group(Box<GroupRecord>),
        Moves(MovePage),
        Move(Box<MoveRecord>),
        Audit(AuditPage),
        Plan(Plan),
        State(Box<State>),
        Revision(u64),
    }
}

#[cfg(test)]
mod tests;
