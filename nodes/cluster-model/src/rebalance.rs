//! `POST /v1/cluster/rebalance`.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::moves::MoveResponse;
use crate::nodes::StepResponse;

/// A request to rebalance the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(deny_unknown_fields)]
pub struct Rebalance {
    /// Only return the plan
    #[serde(default)]
    #[oai(default)]
    pub dry_run: bool,
}

/// The result of a rebalance, or of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct RebalanceResponse {
    /// Whether this is a dry run: nothing was started
    pub dry_run: bool,
    /// Planned moves, in the order in which they start; empty if the cluster is balanced
    pub plan: Vec<StepResponse>,
    /// The moves that were created
    pub moves: Vec<MoveResponse>,
}
