//! Changes of moves and nodes: from the server-sent events of `GET /v1/cluster/events`, or by polling while there is no
//! event stream.

use std::time::Duration;

use cluster_model::{MoveResponse, NodeResponse};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::client::RetryingClient;
use crate::client::events::EventStream;

/// The stream of the cluster's events.
pub const EVENTS: &str = "/v1/cluster/events";
/// Interval of polling while there is no event stream.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Interval of polling while there is one. A safeguard: the stream reports every change.
const SAFETY_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Interval of attempts to open a stream.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(2);

/// A change, as the stream reports it.
pub enum Change {
    Move(Box<MoveResponse>),
    Node(Box<NodeResponse>),
    /// Anything may have changed: read it again.
    Unknown,
}

/// The changes of a cluster.
#[derive(Default)]
pub struct Changes {
    stream: Option<EventStream>,
    /// When to open the next stream; `None` for at once.
    reconnect_at: Option<Instant>,
}

impl Changes {
    /// Waits for the next change. A stream that breaks is replaced by polling until it can be opened again.
    pub async fn next(&mut self, client: &RetryingClient<'_>) -> Change {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let now = Instant::now();
                if self.reconnect_at.is_none_or(|at| at <= now) {
                    self.reconnect_at = Some(now + RECONNECT_INTERVAL);
                    self.stream = EventStream::open(client.once(), EVENTS).await.ok();
                }
                if self.stream.is_none() {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                return Change::Unknown;
            }
        };
        let poll_at = Instant::now() + SAFETY_POLL_INTERVAL;
        loop {
            let event = match timeout_at(poll_at, stream.next()).await {
                Ok(Ok(Some(event))) => event,
                Ok(Ok(None) | Err(_)) => {
                    self.stream = None;
                    return Change::Unknown;
                }
                Err(_) => return Change::Unknown,
            };
            match event.event.as_str() {
                "move" => {
                    return parse(&event.data).map_or(Change::Unknown, |one| Change::Move(Box::new(one)));
                }
                "node" => {
                    return parse(&event.data).map_or(Change::Unknown, |node| Change::Node(Box::new(node)));
                }
                "snapshot" => return Change::Unknown,
                _ => {}
            }
        }
    }
}

fn parse<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).ok()
}
