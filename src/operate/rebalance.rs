//! `POST /v1/cluster/rebalance`: evening groups and leaders out.

use directory::{Command, Intent, Reply};
use edge::{ApiError, Json, SignedIn};
use poem_openapi::{Object, OpenApi};

use super::moves::{self, MoveResponse};
use super::nodes::{StepResponse, plan, step};
use super::{Api, MANAGE, Tag};

/// How to rebalance.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Rebalance {
    /// Only say what would be done
    #[oai(default)]
    pub dry_run: bool,
}

/// What was begun, or would be.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct RebalanceResponse {
    /// Whether nothing was begun: it was only asked what would be
    pub dry_run: bool,
    /// What is moved, in the order in which it begins; nothing where all is even
    pub plan: Vec<StepResponse>,
    /// The moves that were begun
    pub moves: Vec<MoveResponse>,
}

/// The part of the API.
pub struct RebalanceFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl RebalanceFace {
    /// Even groups and leaders out
    ///
    /// The moves begin at once and go on by themselves, unless it is a dry run.
    #[oai(path = "/cluster/rebalance", method = "post", operation_id = "rebalanceCluster")]
    async fn rebalance(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        rebalance: Json<Rebalance>,
    ) -> Result<Json<RebalanceResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, MANAGE)?;
        if rebalance.0.dry_run {
            let plan = plan(inside, &caller, Intent::Rebalance).await?;
            let plan = plan.moves.iter().map(step).collect();
            return Ok(Json(RebalanceResponse { dry_run: true, plan, moves: Vec::new() }));
        }
        match inside.tell(&caller.call(), Command::Rebalance).await? {
            Reply::Started { plan, moves } => Ok(Json(RebalanceResponse {
                dry_run: false,
                plan: plan.moves.iter().map(step).collect(),
                moves: moves.iter().map(moves::shown).collect(),
            })),
            Reply::Done | Reply::Node(_) | Reply::Move(_) => Err(ApiError::unavailable(1)),
        }
    }
}
