//! The operators' face: `/v1/cluster`. One node so far; the paths are those of a cluster.

use std::sync::Arc;

use contract::{Access, Principal, Timestamp};
use contracts::scope;
use edge::{ApiError, Json, NoContent, Problem, SignedIn, kinds};
use poem::{Body, Response, handler};
use poem_openapi::param::Path;
use poem_openapi::{Enum, Object, OpenApi, Tags};
use replica::Node;
use serde::Serialize;
use token::Verifier;

use crate::backup;
use crate::machine::Machine;
use crate::machine::trust::NODE_NAME;

/// What the face looks at.
#[derive(Clone)]
struct Inside {
    node: Arc<Node>,
    verifier: Arc<Verifier>,
    key: token::ClusterKey,
    fixed: crate::machine::data::Fixed,
    address: String,
}

/// Mounts the face on a running machine's server.
pub fn mount(server: edge::Server, machine: &Machine) -> edge::Server {
    let inside = Inside {
        node: Arc::clone(&machine.node),
        verifier: Arc::clone(&machine.verifier),
        key: machine.data.key.clone(),
        fixed: machine.data.fixed.clone(),
        address: machine.wiring.settings.http.address.to_string(),
    };
    let ready = Arc::clone(&machine.node);
    let verifier = Arc::clone(&machine.verifier);
    server
        .service(NAME, TITLE, Face { inside: Some(inside.clone()) })
        .route("/v1/cluster/backup", poem::get(poem::EndpointExt::data(stream_backup, inside)))
        .ready(move || {
            let waiting = ready.status().into_iter().find(|group| !group.leader).map(|group| group.group);
            async move { waiting.map_or(Ok(()), |group| Err(format!("{group} has no leader"))) }
        })
        .may_see_metrics(move |caller| {
            let allowed = allows(&verifier, caller.token(), READ).is_ok();
            async move { allowed }
        })
}

/// Mounts the face for its document only.
pub fn describe(server: edge::Server) -> edge::Server {
    server.service(NAME, TITLE, Face { inside: None })
}

const NAME: &str = "cluster";
const TITLE: &str = "Auberge cluster";
const READ: Access = Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]);
const MANAGE: Access = Access::scopes(&[scope::CLUSTER_MANAGE]);

fn allows(verifier: &Verifier, token: Option<&Arc<str>>, access: Access) -> Result<Arc<Principal>, ApiError> {
    let verified = token.and_then(|token| verifier.verify(token, Timestamp::wall_clock()).ok());
    let caller = verified.ok_or_else(ApiError::unauthenticated)?;
    if access.allows(&caller) {
        Ok(caller)
    } else {
        Err(ApiError::forbidden(format!("One of the scopes {} is needed.", access.scopes.join(", "))))
    }
}

#[derive(Tags)]
enum Tag {
    /// Operating
    Cluster,
}

/// A node.
#[derive(Object)]
struct NodeShown {
    /// Its name
    name: String,
    /// Where its edge listens
    address: String,
    /// Its zone
    zone: String,
    /// How it stands
    state: NodeState,
    /// The program's version
    version: String,
    /// Replicas that it has
    groups: u32,
    /// Groups that it leads
    leaders: u32,
}

/// How a node stands.
#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum NodeState {
    /// It serves
    Up,
}

/// All nodes.
#[derive(Object)]
struct Nodes {
    /// In order of their names
    items: Vec<NodeShown>,
}

/// A group.
#[derive(Object, Serialize)]
struct GroupShown {
    /// `reservations/0`
    group: String,
    /// `reservations`
    service: String,
    /// The shard's number
    shard: u16,
    /// The node that leads it
    #[oai(skip_serializing_if_is_none)]
    leader: Option<String>,
    /// The term of its leader
    term: u64,
    /// Its replicas
    replicas: Vec<ReplicaShown>,
    /// Calls being answered now
    busy: u64,
    /// Events and effects that wait
    outbox: u64,
    /// What an operator has to look at
    parked: Vec<ParkedShown>,
    /// Why it was given up, if it was
    #[oai(skip_serializing_if_is_none)]
    quarantined: Option<String>,
}

/// A replica.
#[derive(Object, Serialize)]
struct ReplicaShown {
    /// The node that has it
    node: String,
    /// `voter` or `learner`
    role: String,
    /// Log entries behind the leader
    lag: u64,
    /// Bytes on disk
    bytes: u64,
}

/// An event or effect that cannot be done.
#[derive(Object, Serialize)]
struct ParkedShown {
    /// Its number within the group
    row: u64,
    /// Why
    why: String,
}

/// All groups.
#[derive(Object, Serialize)]
struct Groups {
    /// In order of their names
    items: Vec<GroupShown>,
}

/// What is broken.
#[derive(Object)]
struct CheckResult {
    /// One line for each invariant that does not hold; none when all is well
    breaches: Vec<String>,
    /// How many groups were looked at
    groups: u32,
}

/// What to do with a parked row.
#[derive(Object)]
struct Release {
    /// What
    action: ReleaseAction,
}

/// What to do with a parked row.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
enum ReleaseAction {
    /// Try it again
    Retry,
    /// Drop it, and go on with what waits behind it
    Skip,
}

struct Face {
    inside: Option<Inside>,
}

impl Face {
    fn inside(&self, caller: &SignedIn, access: Access) -> Result<(&Inside, Arc<Principal>), ApiError> {
        let inside = self.inside.as_ref().ok_or_else(|| ApiError::unavailable(10))?;
        allows(&inside.verifier, caller.token(), access).map(|caller| (inside, caller))
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl Face {
    /// The nodes
    #[oai(path = "/cluster/nodes", method = "get", operation_id = "listNodes")]
    async fn nodes(
        &self,
        #[oai(scope = "edge::Scope::ClusterRead")] caller: SignedIn,
    ) -> Result<Json<Nodes>, ApiError> {
        let (inside, _) = self.inside(&caller, READ)?;
        let groups = inside.node.status();
        let leaders = groups.iter().filter(|group| group.leader).count();
        let node = NodeShown {
            name: NODE_NAME.to_owned(),
            address: inside.address.clone(),
            zone: String::new(),
            state: NodeState::Up,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            groups: groups.len() as u32,
            leaders: leaders as u32,
        };
        Ok(Json(Nodes { items: vec![node] }))
    }

    /// The groups
    #[oai(path = "/cluster/groups", method = "get", operation_id = "listGroups")]
    async fn groups(
        &self,
        #[oai(scope = "edge::Scope::ClusterRead")] caller: SignedIn,
    ) -> Result<Json<Groups>, ApiError> {
        let (inside, _) = self.inside(&caller, READ)?;
        Ok(Json(Groups { items: inside.node.status().into_iter().map(GroupShown::from).collect() }))
    }

    /// Check every invariant
    ///
    /// Reads all stores; each group stands still for the moment in which it is looked at.
    #[oai(path = "/cluster/check", method = "post", operation_id = "checkCluster")]
    async fn check(
        &self,
        #[oai(scope = "edge::Scope::ClusterRead")] caller: SignedIn,
    ) -> Result<Json<CheckResult>, ApiError> {
        let (inside, _) = self.inside(&caller, READ)?;
        let node = Arc::clone(&inside.node);
        let checked = tokio::task::spawn_blocking(move || (node.breaches(), node.status().len())).await;
        let (breaches, groups) = checked.map_err(|_| ApiError::unavailable(1))?;
        Ok(Json(CheckResult { breaches, groups: groups as u32 }))
    }

    /// Release a parked row
    ///
    /// Of a group's outbox: to be tried again, or dropped for good.
    #[oai(
        path = "/cluster/groups/:service/:shard/parked/:row",
        method = "post",
        operation_id = "releaseParked"
    )]
    async fn release(
        &self,
        #[oai(scope = "edge::Scope::ClusterManage")] caller: SignedIn,
        /// The service's name
        service: Path<String>,
        /// The shard's number
        shard: Path<u16>,
        /// The row's number
        row: Path<u64>,
        release: Json<Release>,
    ) -> Result<NoContent, ApiError> {
        let (inside, by) = self.inside(&caller, MANAGE)?;
        let group = format!("{}/{}", service.0, shard.0);
        let parked = inside.node.status().into_iter().find(|status| status.group == group);
        if !parked.is_some_and(|status| status.parked.iter().any(|(number, _)| *number == row.0)) {
            return Err(Problem::new(&kinds::NOT_FOUND).detail("There is no such parked row.").into());
        }
        let again = release.0.action == ReleaseAction::Retry;
        let released = inside.node.release(&group, row.0, again).await;
        released.map_err(|away| ApiError::unavailable(away.retry_after_secs))?;
        tracing::warn!(group, row = row.0, again, by = by.subject, "audit: a parked row was released");
        Ok(NoContent)
    }
}

impl From<replica::GroupStatus> for GroupShown {
    fn from(status: replica::GroupStatus) -> Self {
        let (service, shard) = status.group.split_once('/').unwrap_or((&status.group, "0"));
        Self {
            service: service.to_owned(),
            shard: shard.parse().unwrap_or_default(),
            leader: status.leader.then(|| NODE_NAME.to_owned()),
            term: status.term,
            replicas: vec![ReplicaShown {
                node: NODE_NAME.to_owned(),
                role: "voter".to_owned(),
                lag: 0,
                bytes: status.bytes,
            }],
            busy: status.busy as u64,
            outbox: status.outbox as u64,
            parked: status.parked.into_iter().map(|(row, why)| ParkedShown { row, why }).collect(),
            quarantined: status.quarantined,
            group: status.group,
        }
    }
}

/// `GET /v1/cluster/backup`: the archive, as it is made.
#[handler]
async fn stream_backup(request: &poem::Request, inside: poem::web::Data<&Inside>) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let by = allows(&inside.verifier, caller.token(), MANAGE)?;
    tracing::warn!(by = by.subject, "audit: a backup is made");
    let (node, key, fixed) = (Arc::clone(&inside.node), inside.key.clone(), inside.fixed.clone());
    let (writer, reader) = tokio::io::duplex(256 << 10);
    tokio::task::spawn_blocking(move || {
        let mut writer = tokio_util::io::SyncIoBridge::new(writer);
        if let Err(error) = backup::write(&node, &key, &fixed, &mut writer) {
            // The archive has no end then, which whoever reads it notices.
            tracing::error!(%error, "a backup broke off");
        }
    });
    Ok(Response::builder().content_type("application/octet-stream").body(Body::from_async_read(reader)))
}
