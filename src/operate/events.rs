//! `GET /v1/cluster/events`: the cluster as it changes, as server-sent events.
//!
//! A stream begins with a `snapshot` (the answer of `GET /v1/cluster`); then come `node`, `group`, `leader` and `move`, each
//! with the whole of what has changed. A stream that is opened anew begins with a snapshot again, so that nothing is missed,
//! whatever `Last-Event-ID` says. It ends with the caller's token, and when the server stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use directory::{Answer, Query};
use edge::{ApiError, Caller, ShutdownSignal, SignedIn};
use futures::stream::{self, BoxStream, StreamExt};
use group::Call;
use poem::http::header;
use poem::{Body, IntoResponse, Request, Response};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, OpenApi};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::inside::{Inside, allows};
use super::moves::{self, MoveResponse};
use super::shown::{ClusterResponse, GroupResponse, LeaderResponse, NodeResponse, NodeState};
use super::{Api, READ, Tag};

/// Streams that a node serves at a time.
const STREAMS_MAX: usize = 64;
/// How often is looked while something is under way, and while nothing is.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));
/// Figures (bytes, calls a second, lag) are told of no more often than this.
const FIGURES_EVERY: Duration = Duration::from_secs(2);
/// How long the directory may take to answer.
const ASKING_MAX: Duration = Duration::from_secs(2);
/// A stream that has nothing to say says so, for proxies and readers; and its token is looked at again.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);

/// Places for streams.
#[derive(Clone)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS_MAX)))
    }
}

/// The part of the API.
pub struct EventsFace(pub(super) Api, pub(super) Places);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl EventsFace {
    /// The cluster as it changes
    ///
    /// Server-sent events: first `snapshot`, the whole cluster; then `node`, `group`, `leader` and `move`, each with the whole of
    /// what has changed. A comment each five seconds says that the stream lives. It ends with the access token: connect again
    /// with a new one, and it begins with a snapshot again.
    #[oai(path = "/cluster/events", method = "get", operation_id = "watchCluster")]
    async fn watch(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        request: &Request,
    ) -> Result<EventStream, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        let place = Arc::clone(&self.1.0).try_acquire_owned();
        let place = place.map_err(|_| ApiError::unavailable(10))?;
        let closing = request.data::<ShutdownSignal>().cloned();
        Ok(EventStream(Watch::new(inside.clone(), caller.0, place).stream(closing)))
    }
}

/// A change, or the beginning.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Everything.
    Snapshot(Box<ClusterResponse>),
    /// A node, as it is now.
    Node(Box<NodeResponse>),
    /// A group, as it is now.
    Group(Box<GroupResponse>),
    /// A group's leader.
    Leader(LeaderResponse),
    /// A move, as it is now.
    Move(Box<MoveResponse>),
}

impl Change {
    fn name_and_data(&self) -> (&'static str, String) {
        match self {
            Self::Snapshot(cluster) => ("snapshot", cluster.to_json_string()),
            Self::Node(node) => ("node", node.to_json_string()),
            Self::Group(group) => ("group", group.to_json_string()),
            Self::Leader(leader) => ("leader", leader.to_json_string()),
            Self::Move(one) => ("move", one.to_json_string()),
        }
    }

    /// As it is sent. JSON has no line ends of its own, so one `data` line holds it.
    fn frame(&self, id: &str) -> String {
        let (name, data) = self.name_and_data();
        format!("id: {id}\nevent: {name}\ndata: {data}\n\n")
    }
}

/// What has changed between two looks, but for figures.
pub fn changes(before: &ClusterResponse, now: &ClusterResponse) -> Vec<Change> {
    let mut found = Vec::new();
    let known: BTreeMap<&str, &NodeResponse> =
        before.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    for node in &now.nodes {
        if known.get(node.name.as_str()).is_none_or(|told| still_node(told) != still_node(node)) {
            found.push(Change::Node(Box::new(node.clone())));
        }
    }
    for gone in before.nodes.iter().filter(|node| now.nodes.iter().all(|other| other.name != node.name)) {
        let gone = NodeResponse { state: NodeState::Decommissioned, ..gone.clone() };
        found.push(Change::Node(Box::new(gone)));
    }
    let known: BTreeMap<&str, &GroupResponse> =
        before.groups.iter().map(|group| (group.group.as_str(), group)).collect();
    for group in &now.groups {
        let told = known.get(group.group.as_str());
        if told.is_none_or(|told| {
            told.leader != group.leader || told.leader.is_some() && told.term != group.term
        }) {
            found.push(Change::Leader(leader(group)));
        }
        if told.is_none_or(|told| still_group(told) != still_group(group)) {
            found.push(Change::Group(Box::new(group.clone())));
        }
    }
    let known: BTreeMap<&str, &MoveResponse> =
        before.moves.iter().map(|one| (one.id.as_str(), one)).collect();
    for one in now.moves.iter().filter(|one| known.get(one.id.as_str()).is_none_or(|told| told != one)) {
        found.push(Change::Move(Box::new(one.clone())));
    }
    found
}

/// Nodes and groups whose figures alone have changed between two looks: what else has is told already.
pub fn figures(before: &ClusterResponse, now: &ClusterResponse) -> Vec<Change> {
    let nodes = now.nodes.iter().filter(|node| {
        let told = before.nodes.iter().find(|told| told.name == node.name);
        told.is_some_and(|told| told != *node && still_node(told) == still_node(node))
    });
    let groups = now.groups.iter().filter(|group| {
        let told = before.groups.iter().find(|told| told.group == group.group);
        told.is_some_and(|told| told != *group && still_group(told) == still_group(group))
    });
    let nodes = nodes.map(|node| Change::Node(Box::new(node.clone())));
    nodes.chain(groups.map(|group| Change::Group(Box::new(group.clone())))).collect()
}

/// While leadership is handed over nobody leads for some milliseconds. Where a majority is there, a group counts as led
/// until it has had no leader twice in a row.
fn bridge(told: &ClusterResponse, now: &mut ClusterResponse, leaderless: &mut BTreeSet<String>) {
    let mut gone = BTreeSet::new();
    for group in now.groups.iter_mut().filter(|group| group.leader.is_none()) {
        let before = told.groups.iter().find(|before| before.group == group.group);
        let Some(before) = before.filter(|before| before.leader.is_some()) else { continue };
        if group.voters_up > group.voters / 2 && !leaderless.contains(&group.group) {
            gone.insert(group.group.clone());
            *group = before.clone();
        }
    }
    *leaderless = gone;
}

fn leader(group: &GroupResponse) -> LeaderResponse {
    LeaderResponse { group: group.group.clone(), leader: group.leader.clone(), term: group.term }
}

/// A node without its figures.
fn still_node(node: &NodeResponse) -> NodeResponse {
    NodeResponse { bytes: 0, disk_free_bytes: None, calls_per_second: 0.0, ..node.clone() }
}

/// A group without its figures.
fn still_group(group: &GroupResponse) -> GroupResponse {
    let mut still =
        GroupResponse { bytes: 0, calls_per_second: 0.0, busy: 0, outbox: 0, term: 0, ..group.clone() };
    for replica in &mut still.replicas {
        replica.lag = 0;
        replica.bytes = 0;
    }
    still
}

/// One reader's stream.
struct Watch {
    inside: Inside,
    caller: Caller,
    told: Option<ClusterResponse>,
    /// As it was when figures were told last.
    figures: Option<ClusterResponse>,
    /// Groups that had no leader at the last look, and had one before.
    leaderless: BTreeSet<String>,
    figures_at: tokio::time::Instant,
    heard_at: tokio::time::Instant,
    _place: OwnedSemaphorePermit,
}

/// Numbers events, so that each has an id of its own on its node.
static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Watch {
    fn new(inside: Inside, caller: Caller, place: OwnedSemaphorePermit) -> Self {
        let now = tokio::time::Instant::now();
        Self {
            inside,
            caller,
            told: None,
            figures: None,
            leaderless: BTreeSet::new(),
            figures_at: now,
            heard_at: now,
            _place: place,
        }
    }

    fn stream(self, closing: Option<ShutdownSignal>) -> BoxStream<'static, String> {
        let looks = stream::unfold(self, |mut watch| async move {
            let text = watch.next().await?;
            Some((text, watch))
        });
        let first = stream::once(async { "retry: 1000\n\n".to_owned() });
        let closed = async move {
            match closing {
                Some(closing) => closing.wait().await,
                None => std::future::pending().await,
            }
        };
        first.chain(looks).take_until(closed).boxed()
    }

    /// What is said next; nothing when the token is not good any more.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(told) = &self.told {
                let (busy, idle) = LOOK_EVERY;
                let pause = if told.moves.is_empty() { idle } else { busy };
                self.inside.changed_within(pause).await;
            }
            let now = tokio::time::Instant::now();
            let heartbeat = now.duration_since(self.heard_at) >= HEARTBEAT_EVERY;
            if heartbeat && allows(&self.inside.verifier, self.caller.token(), READ).is_err() {
                return None;
            }
            let text = self.look(now).await;
            if !text.is_empty() {
                self.heard_at = now;
                return Some(text);
            }
            if heartbeat {
                self.heard_at = now;
                return Some(": heartbeat\n\n".to_owned());
            }
        }
    }

    /// Looks, and puts what has changed into words.
    async fn look(&mut self, at: tokio::time::Instant) -> String {
        // The request's own deadline is over long before its stream is.
        let call = Call { deadline: at + ASKING_MAX, ..self.caller.call() };
        let mut now = self.inside.cluster(&call).await;
        if let Some(told) = &self.told {
            bridge(told, &mut now, &mut self.leaderless);
        }
        let found = match &self.told {
            None => vec![Change::Snapshot(Box::new(now.clone()))],
            Some(told) => {
                let mut found = changes(told, &now);
                found.extend(self.ended(&call, told, &now).await);
                if at.duration_since(self.figures_at) >= FIGURES_EVERY {
                    let before = self.figures.as_ref().unwrap_or(told);
                    found.extend(figures(before, &now));
                    self.figures = Some(now.clone());
                    self.figures_at = at;
                }
                found
            }
        };
        let here = now.answered_by.clone();
        self.told = Some(now);
        let frame =
            |change: &Change| change.frame(&format!("{here}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        found.iter().map(frame).collect()
    }

    /// Moves that were under way and are over: as they ended.
    async fn ended(&self, call: &Call, before: &ClusterResponse, now: &ClusterResponse) -> Vec<Change> {
        let mut found = Vec::new();
        for one in before.moves.iter().filter(|one| now.moves.iter().all(|other| other.id != one.id)) {
            let Ok(id) = one.id.parse() else { continue };
            if let Ok(Answer::Move(record)) = self.inside.ask(call, Query::Move { id }).await {
                found.push(Change::Move(Box::new(moves::shown(&record))));
            }
        }
        found
    }
}

/// The answer: `text/event-stream`.
pub struct EventStream(BoxStream<'static, String>);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let bytes = self.0.map(|text| Ok::<_, std::io::Error>(text.into_bytes()));
        Response::builder()
            .content_type("text/event-stream")
            .header(header::CACHE_CONTROL, "no-store")
            // Proxies that gather answers are asked not to.
            .header("x-accel-buffering", "no")
            .body(Body::from_bytes_stream(bytes))
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let schema = MetaSchema {
            description: Some("Server-sent events; the data of each is JSON."),
            ..MetaSchema::new("string")
        };
        let content = vec![MetaMediaType {
            content_type: "text/event-stream",
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Events, until the token or the server ends",
                status: Some(200),
                status_range: None,
                content,
                headers: Vec::new(),
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests;
