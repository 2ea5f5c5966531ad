//! `GET /v1/cluster/events`: changes of the cluster, as server-sent events.
//!
//! A stream begins with a `snapshot` event (the response of `GET /v1/cluster`), followed by `node`, `group`, `leader` and
//! `move` events, each with the complete new value. A new stream always begins with a snapshot, whatever `Last-Event-ID` is,
//! so that a client that reconnects misses nothing. It ends when the caller's token expires or the server stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cluster_model::{ClusterResponse, GroupResponse, LeaderResponse, MoveResponse, NodeResponse, NodeState};
use directory::GetMove;
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

use crate::context::{Context, allows};
use crate::{Guard, READ, Tag};

/// Largest number of concurrent streams on a node.
const STREAMS_MAX: usize = 64;
/// Poll interval while moves are active, and otherwise.
const POLL_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));
/// Shortest time between events for changed figures (bytes, calls per second, lag).
const FIGURES_EVERY: Duration = Duration::from_secs(2);
/// Timeout of queries to the directory.
const QUERY_MAX: Duration = Duration::from_secs(2);
/// Interval of heartbeat comments on an idle stream, and of token checks.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);

/// Limits how many streams are open on this node.
#[derive(Clone)]
pub struct StreamLimit(Arc<Semaphore>);

impl Default for StreamLimit {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS_MAX)))
    }
}

/// The event stream.
pub struct EventsApi(pub(crate) Guard, pub(crate) StreamLimit);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl EventsApi {
    /// Watch the cluster
    ///
    /// Server-sent events: first `snapshot`, the whole cluster; then `node`, `group`, `leader` and `move`, each with the complete
    /// new value. A comment is sent every five seconds as a heartbeat. The stream ends when the access token expires: connect
    /// again with a new token, and the stream begins with a snapshot again.
    #[oai(path = "/cluster/events", method = "get", operation_id = "watchCluster")]
    async fn watch(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        request: &Request,
    ) -> Result<EventStream, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        let place = Arc::clone(&self.1.0).try_acquire_owned();
        let place = place.map_err(|_| ApiError::unavailable(10))?;
        let closing = request.data::<ShutdownSignal>().cloned();
        Ok(EventStream(Watch::new(context.clone(), caller.0, place).stream(closing)))
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Snapshot(Box<ClusterResponse>),
    Node(Box<NodeResponse>),
    Group(Box<GroupResponse>),
    Leader(LeaderResponse),
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

    /// The event as it is sent. JSON contains no raw line breaks, so it fits on one `data` line.
    fn frame(&self, id: &str) -> String {
        let (name, data) = self.name_and_data();
        format!("id: {id}\nevent: {name}\ndata: {data}\n\n")
    }
}

/// The changes between two states, except for figures.
pub fn changes(before: &ClusterResponse, now: &ClusterResponse) -> Vec<Change> {
    let mut found = Vec::new();
    let known: BTreeMap<&str, &NodeResponse> =
        before.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    for node in &now.nodes {
        if known.get(node.name.as_str()).is_none_or(|previous| still_node(previous) != still_node(node)) {
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
        let previous = known.get(group.group.as_str());
        if previous.is_none_or(|previous| {
            previous.leader != group.leader || previous.leader.is_some() && previous.term != group.term
        }) {
            found.push(Change::Leader(leader(group)));
        }
        if previous.is_none_or(|previous| still_group(previous) != still_group(group)) {
            found.push(Change::Group(Box::new(group.clone())));
        }
    }
    let known: BTreeMap<&str, &MoveResponse> =
        before.moves.iter().map(|one| (one.id.as_str(), one)).collect();
    for one in
        now.moves.iter().filter(|one| known.get(one.id.as_str()).is_none_or(|previous| previous != one))
    {
        found.push(Change::Move(Box::new(one.clone())));
    }
    found
}

/// Nodes and groups of which only figures changed between two states.
pub fn figures(before: &ClusterResponse, now: &ClusterResponse) -> Vec<Change> {
    let nodes = now.nodes.iter().filter(|node| {
        let previous = before.nodes.iter().find(|previous| previous.name == node.name);
        previous.is_some_and(|previous| previous != *node && still_node(previous) == still_node(node))
    });
    let groups = now.groups.iter().filter(|group| {
        let previous = before.groups.iter().find(|previous| previous.group == group.group);
        previous.is_some_and(|previous| previous != *group && still_group(previous) == still_group(group))
    });
    let nodes = nodes.map(|node| Change::Node(Box::new(node.clone())));
    nodes.chain(groups.map(|group| Change::Group(Box::new(group.clone())))).collect()
}

/// During a transfer of leadership a group has no leader for some milliseconds. A group with a reachable majority is
/// reported without a leader only if it has none in two consecutive polls.
fn hide_transfers(previous: &ClusterResponse, now: &mut ClusterResponse, leaderless: &mut BTreeSet<String>) {
    let mut gone = BTreeSet::new();
    for group in now.groups.iter_mut().filter(|group| group.leader.is_none()) {
        let before = previous.groups.iter().find(|before| before.group == group.group);
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

/// The stream of one client.
struct Watch {
    context: Context,
    caller: Caller,
    sent: Option<ClusterResponse>,
    /// The state when figures were last sent.
    figures: Option<ClusterResponse>,
    /// Groups that lost their leader in the last poll.
    leaderless: BTreeSet<String>,
    figures_at: tokio::time::Instant,
    written_at: tokio::time::Instant,
    _place: OwnedSemaphorePermit,
}

/// The number of the next event: event ids are unique on a node.
static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Watch {
    fn new(context: Context, caller: Caller, place: OwnedSemaphorePermit) -> Self {
        let now = tokio::time::Instant::now();
        Self {
            context,
            caller,
            sent: None,
            figures: None,
            leaderless: BTreeSet::new(),
            figures_at: now,
            written_at: now,
            _place: place,
        }
    }

    fn stream(self, closing: Option<ShutdownSignal>) -> BoxStream<'static, String> {
        let polls = stream::unfold(self, |mut watch| async move {
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
        first.chain(polls).take_until(closed).boxed()
    }

    /// The next text to send; none once the token has expired.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(previous) = &self.sent {
                let (busy, idle) = POLL_EVERY;
                let pause = if previous.moves.is_empty() { idle } else { busy };
                self.context.changed_within(pause).await;
            }
            let now = tokio::time::Instant::now();
            let heartbeat = now.duration_since(self.written_at) >= HEARTBEAT_EVERY;
            if heartbeat && allows(&self.context.verifier, self.caller.token(), READ).is_err() {
                return None;
            }
            let text = self.poll(now).await;
            if !text.is_empty() {
                self.written_at = now;
                return Some(text);
            }
            if heartbeat {
                self.written_at = now;
                return Some(": heartbeat\n\n".to_owned());
            }
        }
    }

    /// Polls the state, and formats what has changed.
    async fn poll(&mut self, at: tokio::time::Instant) -> String {
        // The deadline of the request does not apply to the stream.
        let call = Call { deadline: at + QUERY_MAX, ..self.caller.call() };
        let mut now = self.context.cluster(&call).await;
        if let Some(previous) = &self.sent {
            hide_transfers(previous, &mut now, &mut self.leaderless);
        }
        let found = match &self.sent {
            None => vec![Change::Snapshot(Box::new(now.clone()))],
            Some(previous) => {
                let mut found = changes(previous, &now);
                found.extend(self.ended(&call, previous, &now).await);
                if at.duration_since(self.figures_at) >= FIGURES_EVERY {
                    let before = self.figures.as_ref().unwrap_or(previous);
                    found.extend(figures(before, &now));
                    self.figures = Some(now.clone());
                    self.figures_at = at;
                }
                found
            }
        };
        let here = now.answered_by.clone();
        self.sent = Some(now);
        let frame =
            |change: &Change| change.frame(&format!("{here}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        found.iter().map(frame).collect()
    }

    /// Moves that ended since the previous state.
    async fn ended(&self, call: &Call, before: &ClusterResponse, now: &ClusterResponse) -> Vec<Change> {
        let mut found = Vec::new();
        for one in before.moves.iter().filter(|one| now.moves.iter().all(|other| other.id != one.id)) {
            let Ok(id) = one.id.parse() else { continue };
            if let Ok(record) = self.context.call(call, GetMove { id }).await {
                found.push(Change::Move(Box::new((&*record).into())));
            }
        }
        found
    }
}

/// The response: `text/event-stream`.
pub struct EventStream(BoxStream<'static, String>);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let bytes = self.0.map(|text| Ok::<_, std::io::Error>(text.into_bytes()));
        Response::builder()
            .content_type("text/event-stream")
            .header(header::CACHE_CONTROL, "no-store")
            // Asks proxies not to buffer the response.
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
