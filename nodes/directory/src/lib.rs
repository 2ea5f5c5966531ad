//! The control plane: which replica is on which node, and how replicas move while groups serve.
//!
//! The directory is itself a group ([`group::Service`]). The node that leads it runs the [`reconciler`], which observes nodes
//! through a [`NodeClient`], records what changed, and executes what the records call for. What to do is computed by pure
//! functions ([`plan`]), so a dry run and the command cannot differ.
//!
//! Invariants (see [`invariants`]):
//! - a group never has two replicas on one node, nor two active moves;
//! - a raft id of a group is never reused;
//! - a step is recorded before it becomes irreversible, and every step is idempotent: a reconciler may stop at any point;
//! - no plan takes a group's quorum away.
//!
//! Deliberately absent: sockets, Raft and the nodes themselves, which are behind [`NodeClient`]; the current leader of a
//! group, which nodes report; any other service.

mod apply;
pub mod contract;
pub mod invariants;
pub mod node_client;
pub mod plan;
mod query;
pub mod reconciler;
pub mod records;
mod service;
mod state;

pub use crate::contract::{
    AdvanceMove, Answer, AuditPage, CancelMove, CheckSafeToStop, Command, ConfigureCluster, CreateMove,
    DecommissionNode, Directory as Contract, DrainNode, GROUP, GetCluster, GetGroup, GetMove, GetNode,
    GetPlan, GetRevision, GetState, InitCluster, Intent, ListAudit, ListGroups, ListMoves, ListNodes,
    MovePage, Query, RebalanceCluster, RecordGroupBootstrapped, RecordMeasurements, RecordNodeDown,
    RecordNodeDrained, RecordNodeUp, RecordProgress, RecordRecovery, RecordReplicaLost,
    RecordReplicaReturned, Refusal, Repair, Reply, SERVICE, StartedMoves, Step, UncordonNode,
};
pub use node_client::{NodeClient, NodeError, Observed, ObservedNode};
pub use reconciler::{ClientRecords, Reconciler, ReconcilerOptions, Records};
pub use records::*;
pub use service::{ChangeNotifier, Directory};
