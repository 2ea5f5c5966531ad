//! `/v1/cluster` and `/v1/cluster/nodes`: the whole cluster, and each node.

use cluster_model::{
    ClusterResponse, MoveResponse, NodeResponse, NodeWork, Nodes, RemainingReplicaResponse, StepResponse,
};
use directory::{
    Contract as Directory, DecommissionNode, DrainNode, GetNode, GetPlan, Intent, Plan, StartedMoves,
    UncordonNode,
};
use edge::{Accepted, ApiError, Json, SignedIn};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query as Param};
use protocol::Variant;

use crate::context::Context;
use crate::{Guard, MANAGE, READ, Tag, problems};

/// Operations on the cluster and its nodes.
pub struct NodesApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl NodesApi {
    /// Get the cluster
    ///
    /// The state of all nodes, groups and active moves, and the conditions that need an operator. Works as long as this node
    /// does: without the directory, the response shows what this node sees.
    #[oai(path = "/cluster", method = "get", operation_id = "getCluster")]
    async fn cluster(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<ClusterResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        Ok(Json(context.cluster(&caller.call()).await))
    }

    /// List nodes
    #[oai(path = "/cluster/nodes", method = "get", operation_id = "listNodes")]
    async fn nodes(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<Nodes>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        Ok(Json(Nodes { items: context.cluster(&caller.call()).await.nodes }))
    }

    /// Get a node
    #[oai(path = "/cluster/nodes/:node", method = "get", operation_id = "getNode")]
    async fn node(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
    ) -> Result<Json<NodeResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        find(context, &caller, &node.0).await.map(Json)
    }

    /// Drain a node
    ///
    /// Leadership moves off the node at once, and replicas where another node can take them. The response lists the replicas
    /// that remain, and whether the node can be stopped with them. One node at a time.
    #[oai(path = "/cluster/nodes/:node/drain", method = "post", operation_id = "drainNode")]
    async fn drain(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
        /// Only return the plan
        #[oai(default)]
        dry_run: Param<bool>,
    ) -> Result<Accepted<NodeWork>, ApiError> {
        self.empty(&caller, node.0, dry_run.0, Intent::Drain, |node| DrainNode { node }).await
    }

    /// Let a node take replicas again
    #[oai(path = "/cluster/nodes/:node/uncordon", method = "post", operation_id = "uncordonNode")]
    async fn uncordon(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
    ) -> Result<Json<NodeResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, MANAGE)?;
        context.call(&caller.call(), UncordonNode { node: node.0.clone() }).await?;
        find(context, &caller, &node.0).await.map(Json)
    }

    /// Remove a node permanently
    ///
    /// Its replicas move to other nodes first; then its certificate is denied.
    #[oai(path = "/cluster/nodes/:node/decommission", method = "post", operation_id = "decommissionNode")]
    async fn decommission(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
        /// Only return the plan
        #[oai(default)]
        dry_run: Param<bool>,
    ) -> Result<Accepted<NodeWork>, ApiError> {
        self.empty(&caller, node.0, dry_run.0, Intent::Decommission, |node| DecommissionNode { node }).await
    }
}

impl NodesApi {
    /// Drains or decommissions a node, or returns the plan.
    async fn empty<M: Variant<Contract = Directory, Reply = StartedMoves>>(
        &self,
        caller: &SignedIn,
        node: String,
        dry_run: bool,
        intent: impl FnOnce(String) -> Intent,
        command: impl FnOnce(String) -> M,
    ) -> Result<Accepted<NodeWork>, ApiError> {
        let (context, _) = self.0.authorize(caller, MANAGE)?;
        if dry_run {
            let plan = plan(context, caller, intent(node.clone())).await?;
            return Ok(work(&node, true, &plan, Vec::new()));
        }
        let StartedMoves { plan, moves } = context.call(&caller.call(), command(node.clone())).await?;
        Ok(work(&node, false, &plan, moves.iter().map(MoveResponse::from).collect()))
    }
}

/// A node, including decommissioned ones.
async fn find(context: &Context, caller: &SignedIn, name: &str) -> Result<NodeResponse, ApiError> {
    let call = caller.call();
    let cluster = context.cluster(&call).await;
    if let Some(node) = cluster.nodes.into_iter().find(|node| node.name == name) {
        return Ok(node);
    }
    if context.is_single_node() {
        return Err(problems::problem(directory::Refusal::NoSuchNode { node: name.to_owned() }).into());
    }
    let record = context.call(&call, GetNode { node: name.to_owned() }).await?;
    Ok(crate::view::node(name, Some(&record), None, &cluster.groups))
}

/// The plan of an intent.
///
/// # Errors
/// Why the command would be refused.
pub(crate) async fn plan(context: &Context, caller: &SignedIn, intent: Intent) -> Result<Plan, ApiError> {
    context.call(&caller.call(), GetPlan { intent }).await
}

fn work(node: &str, dry_run: bool, plan: &Plan, moves: Vec<MoveResponse>) -> Accepted<NodeWork> {
    let value = NodeWork {
        node: node.to_owned(),
        dry_run,
        plan: plan.moves.iter().map(StepResponse::from).collect(),
        moves,
        stays: plan.remaining.iter().map(RemainingReplicaResponse::from).collect(),
        safe_to_stop: plan.is_safe_to_stop(),
        detail: detail(plan),
    };
    Accepted { location: format!("/v1/cluster/nodes/{node}"), value }
}

fn detail(plan: &Plan) -> String {
    match plan.tightest() {
        None => "every replica can move: the node will be empty, and safe to stop".to_owned(),
        Some(stay) if plan.is_safe_to_stop() => {
            format!("safe to stop, quorum {}/{}", stay.live, stay.voters)
        }
        Some(stay) => format!(
            "do not stop it: {} would lose its quorum, {} of {} replicas would be left and {} are needed",
            stay.group, stay.live, stay.voters, stay.needed
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(live: u8) -> directory::RemainingReplica {
        directory::RemainingReplica {
            group: "auth/0".into(),
            live,
            voters: 3,
            needed: 2,
            why: "no other node".into(),
        }
    }

    #[test]
    fn remaining_replicas_decide_whether_the_node_may_stop() {
        let plan = |stays: Vec<directory::RemainingReplica>| Plan { moves: Vec::new(), remaining: stays };
        assert!(detail(&plan(vec![])).contains("empty"));
        assert_eq!(detail(&plan(vec![stay(3), stay(2)])), "safe to stop, quorum 2/3");
        assert_eq!(
            detail(&plan(vec![stay(2), stay(1)])),
            "do not stop it: auth/0 would lose its quorum, 1 of 3 replicas would be left and 2 are needed"
        );
    }
}
