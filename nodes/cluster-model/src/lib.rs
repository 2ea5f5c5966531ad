//! The request and response types of the cluster API (`/v1/cluster`), shared by the server (`cluster-api`) and by the
//! commands of `auberge cluster`, so that one side writes the JSON that the other reads.
//!
//! Invariants:
//! - the serde form and the OpenAPI form of a type are the same JSON;
//! - schema names in the OpenAPI document are stable, because clients are generated from them.
//!
//! Deliberately absent: how the answers are computed (`cluster-api`), and any HTTP.

mod audit;
mod check;
mod cluster;
mod groups;
mod moves;
mod nodes;
mod rebalance;
mod settings;

pub use directory::{MovePhase, NodeState};

pub use audit::AuditResponse;
pub use check::CheckResult;
pub use cluster::{ClusterResponse, ClusterState, LeaderResponse};
pub use groups::{
    GroupResponse, GroupState, Groups, ParkedResponse, Recovery, Release, ReleaseAction, ReplicaResponse,
    ReplicaRole,
};
pub use moves::{MoveResponse, NewMove};
pub use nodes::{NodeResponse, NodeWork, Nodes, RemainingReplicaResponse, StepResponse};
pub use rebalance::{Rebalance, RebalanceResponse};
pub use settings::{
    ChangeResponse, Configure, ConfigureService, Configured, PlacementViolationResponse, ServiceResponse,
    SettingsResponse,
};
