//! `POST /v1/cluster/rebalance`: balancing groups and leaders.

use cluster_model::{MoveResponse, Rebalance, RebalanceResponse, StepResponse};
use directory::{Intent, RebalanceCluster, StartedMoves};
use edge::{ApiError, Json, SignedIn};
use poem_openapi::OpenApi;

use crate::nodes::plan;
use crate::{Guard, MANAGE, Tag};

/// The rebalance operation.
pub struct RebalanceApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl RebalanceApi {
    /// Balance groups and leaders over the nodes
    ///
    /// The moves start at once and continue in the background, unless this is a dry run.
    #[oai(path = "/cluster/rebalance", method = "post", operation_id = "rebalanceCluster")]
    async fn rebalance(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        rebalance: Json<Rebalance>,
    ) -> Result<Json<RebalanceResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, MANAGE)?;
        if rebalance.0.dry_run {
            let plan = plan(context, &caller, Intent::Rebalance).await?;
            let plan = plan.moves.iter().map(StepResponse::from).collect();
            return Ok(Json(RebalanceResponse { dry_run: true, plan, moves: Vec::new() }));
        }
        let StartedMoves { plan, moves } = context.call(&caller.call(), RebalanceCluster).await?;
        Ok(Json(RebalanceResponse {
            dry_run: false,
            plan: plan.moves.iter().map(StepResponse::from).collect(),
            moves: moves.iter().map(MoveResponse::from).collect(),
        }))
    }
}
