//! Server-sent events of a server.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures::stream::{self, Stream, StreamExt};
use reqwest::Method;

use super::api_client::{self, ApiClient};

/// The server sends a heartbeat every five seconds. A longer silence means that the connection is lost.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Longer than the ten minutes after which a stream ends with its token.
const STREAM_MAX: Duration = Duration::from_secs(3600);

/// A stream of events. It ends when the token expires.
pub struct EventStream(Pin<Box<dyn Stream<Item = Result<Event, EventStreamError<io::Error>>> + Send>>);

impl EventStream {
    /// Connects to `path`.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn open(client: &ApiClient, path: &str) -> anyhow::Result<Self> {
        let request = client.request(Method::GET, path).timeout(STREAM_MAX);
        let response = request.header("accept", "text/event-stream").send().await.context("no response")?;
        let status = response.status();
        if !status.is_success() {
            return Err(api_client::problem(status, &response.bytes().await.unwrap_or_default()));
        }
        let chunks = stream::try_unfold(response, |mut response| async move {
            let chunk = tokio::time::timeout(SILENCE_MAX, response.chunk()).await;
            let chunk = chunk.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no heartbeat"))?;
            Ok(chunk.map_err(io::Error::other)?.map(|chunk| (chunk, response)))
        });
        Ok(Self(Box::pin(chunks.eventsource())))
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        self.0.next().await.transpose().map_err(|error| anyhow::anyhow!("the connection was lost: {error}"))
    }
}
