//! `/v1/cluster` and `/v1/cluster/nodes`: the whole, and each node.

use directory::{Answer, Command, Intent, Plan, Planned, Query, Reply};
use edge::{Accepted, ApiError, Json, SignedIn};
use poem_openapi::param::{Path, Query as Param};
use poem_openapi::{Object, OpenApi};

use super::inside::Inside;
use super::moves::{self, MoveResponse};
use super::shown::{ClusterResponse, NodeResponse, Nodes};
use super::{Api, MANAGE, READ, Tag, problems};

/// What was begun with a node, or would be.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct NodeWork {
    /// The node
    pub node: String,
    /// Whether nothing was begun: it was only asked what would be
    pub dry_run: bool,
    /// What is moved, in the order in which it begins
    pub plan: Vec<StepResponse>,
    /// The moves that were begun
    pub moves: Vec<MoveResponse>,
    /// What stays on the node, because no other can take it
    pub stays: Vec<StayResponse>,
    /// Whether the node can be stopped with what stays on it
    pub safe_to_stop: bool,
    /// The same in words: `safe to stop, quorum 2/3`
    pub detail: String,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct StepResponse {
    /// `reservations/0`
    pub group: String,
    /// Nodes that something leaves
    pub leave: Vec<String>,
    /// Nodes that take something
    pub take: Vec<String>,
    /// Whether leadership moves and no replica
    pub leader_only: bool,
    /// Why
    pub reason: String,
}

/// A replica that stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct StayResponse {
    /// `reservations/0`
    pub group: String,
    /// Voters that can be reached when the node has stopped
    pub live: u32,
    /// Voters that the group has
    pub voters: u32,
    /// Voters that it needs
    pub needed: u32,
    /// Why no other node can take it
    pub why: String,
}

/// The part of the API.
pub struct NodesFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl NodesFace {
    /// The cluster
    ///
    /// How it stands, with all nodes and groups, what is under way, and what needs attention. Answers as long as this node does:
    /// without the directory it says what is seen from here.
    #[oai(path = "/cluster", method = "get", operation_id = "getCluster")]
    async fn cluster(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<ClusterResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        Ok(Json(inside.cluster(&caller.call()).await))
    }

    /// The nodes
    #[oai(path = "/cluster/nodes", method = "get", operation_id = "listNodes")]
    async fn nodes(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<Nodes>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        Ok(Json(Nodes { items: inside.cluster(&caller.call()).await.nodes }))
    }

    /// A node
    #[oai(path = "/cluster/nodes/:node", method = "get", operation_id = "getNode")]
    async fn node(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
    ) -> Result<Json<NodeResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        find(inside, &caller, &node.0).await.map(Json)
    }

    /// Empty a node
    ///
    /// Its leaders leave at once, its replicas where another node can take them. What stays is said, and whether the node
    /// can be stopped with it. One node at a time.
    #[oai(path = "/cluster/nodes/:node/drain", method = "post", operation_id = "drainNode")]
    async fn drain(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
        /// Only say what would be done
        #[oai(default)]
        dry_run: Param<bool>,
    ) -> Result<Accepted<NodeWork>, ApiError> {
        self.empty(&caller, node.0, dry_run.0, Intent::Drain, |node| Command::Drain { node }).await
    }

    /// Let a node take groups again
    #[oai(path = "/cluster/nodes/:node/uncordon", method = "post", operation_id = "uncordonNode")]
    async fn uncordon(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
    ) -> Result<Json<NodeResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, MANAGE)?;
        inside.tell(&caller.call(), Command::Uncordon { node: node.0.clone() }).await?;
        find(inside, &caller, &node.0).await.map(Json)
    }

    /// Remove a node for good
    ///
    /// Its replicas go elsewhere first; then its certificate counts no more.
    #[oai(path = "/cluster/nodes/:node/decommission", method = "post", operation_id = "decommissionNode")]
    async fn decommission(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The node's name
        node: Path<String>,
        /// Only say what would be done
        #[oai(default)]
        dry_run: Param<bool>,
    ) -> Result<Accepted<NodeWork>, ApiError> {
        self.empty(&caller, node.0, dry_run.0, Intent::Decommission, |node| Command::Decommission { node })
            .await
    }
}

impl NodesFace {
    /// Has a node emptied, for maintenance or for good; or says what would be done.
    async fn empty(
        &self,
        caller: &SignedIn,
        node: String,
        dry_run: bool,
        intent: impl FnOnce(String) -> Intent,
        command: impl FnOnce(String) -> Command,
    ) -> Result<Accepted<NodeWork>, ApiError> {
        let (inside, _) = self.0.open(caller, MANAGE)?;
        if dry_run {
            let plan = plan(inside, caller, intent(node.clone())).await?;
            return Ok(work(&node, true, &plan, Vec::new()));
        }
        match inside.tell(&caller.call(), command(node.clone())).await? {
            Reply::Started { plan, moves } => {
                Ok(work(&node, false, &plan, moves.iter().map(moves::shown).collect()))
            }
            Reply::Done | Reply::Node(_) | Reply::Move(_) => Err(ApiError::unavailable(1)),
        }
    }
}

/// A node, also when it was removed for good.
async fn find(inside: &Inside, caller: &SignedIn, name: &str) -> Result<NodeResponse, ApiError> {
    let call = caller.call();
    let cluster = inside.cluster(&call).await;
    if let Some(node) = cluster.nodes.into_iter().find(|node| node.name == name) {
        return Ok(node);
    }
    let unknown = || problems::problem(directory::Refusal::NoSuchNode { node: name.to_owned() });
    if inside.is_alone() {
        return Err(unknown().into());
    }
    match inside.ask(&call, Query::Node { node: name.to_owned() }).await? {
        Answer::Node(record) => Ok(super::view::node(name, Some(&record), None, &cluster.groups)),
        _ => Err(unknown().into()),
    }
}

/// What would be done.
///
/// # Errors
/// Why it would be refused.
pub(super) async fn plan(inside: &Inside, caller: &SignedIn, intent: Intent) -> Result<Plan, ApiError> {
    match inside.ask(&caller.call(), Query::Plan(intent)).await? {
        Answer::Plan(plan) => Ok(*plan),
        _ => Err(ApiError::unavailable(1)),
    }
}

fn work(node: &str, dry_run: bool, plan: &Plan, moves: Vec<MoveResponse>) -> Accepted<NodeWork> {
    let stay = |stay: &directory::Stay| StayResponse {
        group: stay.group.clone(),
        live: stay.live.into(),
        voters: stay.voters.into(),
        needed: stay.needed.into(),
        why: stay.why.clone(),
    };
    let value = NodeWork {
        node: node.to_owned(),
        dry_run,
        plan: plan.moves.iter().map(step).collect(),
        moves,
        stays: plan.stays.iter().map(stay).collect(),
        safe_to_stop: plan.is_safe_to_stop(),
        detail: detail(plan),
    };
    Accepted { location: format!("/v1/cluster/nodes/{node}"), value }
}

fn detail(plan: &Plan) -> String {
    match plan.tightest() {
        None => "everything has another place: it will be empty, and safe to stop".to_owned(),
        Some(stay) if plan.is_safe_to_stop() => {
            format!("safe to stop, quorum {}/{}", stay.live, stay.voters)
        }
        Some(stay) => format!(
            "do not stop it: {} would lose its quorum, {} of {} replicas would be left and {} are needed",
            stay.group, stay.live, stay.voters, stay.needed
        ),
    }
}

/// A step as the API writes it.
pub(super) fn step(planned: &Planned) -> StepResponse {
    StepResponse {
        group: planned.group.clone(),
        leave: planned.remove.iter().map(|home| home.node.clone()).collect(),
        take: planned.to.clone(),
        leader_only: planned.leader_only,
        reason: planned.cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(live: u8) -> directory::Stay {
        directory::Stay { group: "auth/0".into(), live, voters: 3, needed: 2, why: "no other node".into() }
    }

    #[test]
    fn what_stays_says_whether_the_node_may_stop() {
        let plan = |stays: Vec<directory::Stay>| Plan { moves: Vec::new(), stays };
        assert!(detail(&plan(vec![])).contains("empty"));
        assert_eq!(detail(&plan(vec![stay(3), stay(2)])), "safe to stop, quorum 2/3");
        assert_eq!(
            detail(&plan(vec![stay(2), stay(1)])),
            "do not stop it: auth/0 would lose its quorum, 1 of 3 replicas would be left and 2 are needed"
        );
    }
}
