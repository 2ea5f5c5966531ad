//! Requests the steps of one snapshot: from this node directly, from others over the link.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use link::TrafficClass;
use protocol::codec;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::steps::{End, Step, StepError, StepOutput, StepRequest};
use super::{DIRECTORY, jittered};
use crate::cluster::transport::SNAPSHOT;
use crate::node::Node;
use crate::pins::LEASE_MAX;

/// How long signing a token may take when an earlier one can be used instead.
const TOKEN_MAX: Duration = Duration::from_secs(1);
/// How long a node may take to end a snapshot.
const END_MAX: Duration = Duration::from_secs(2);
const END_RETRY_MIN: Duration = Duration::from_millis(50);
const END_RETRY_MAX: Duration = Duration::from_secs(1);
/// The name of this node when it is not part of a cluster.
pub(super) const SINGLE_NODE: &str = "";

pub(super) struct Coordinator {
    node: Arc<Node>,
    snapshot: u128,
    /// The last signed token. A snapshot must be able to end also while no tokens can be signed.
    token: Mutex<Option<Arc<str>>>,
    runtime: Handle,
}

impl Coordinator {
    /// For a new snapshot.
    pub fn new(node: &Arc<Node>) -> Arc<Self> {
        let runtime = Handle::current();
        Arc::new(Self { node: Arc::clone(node), snapshot: rand::random(), token: Mutex::default(), runtime })
    }

    pub async fn step(&self, node: &str, step: Step, timeout: Duration) -> Result<StepOutput, StepError> {
        let late = || StepError::from("no response in time");
        let cluster = match self.node.cluster.get() {
            Some(cluster) if node != &*cluster.name => cluster,
            Some(_) | None => {
                let executing = tokio::spawn(Arc::clone(&self.node).execute_step(self.snapshot, step));
                let executed = tokio::time::timeout(timeout, executing).await.map_err(|_| late())?;
                return executed.unwrap_or_else(|_| Err("the step panicked".into()));
            }
        };
        let deadline = Instant::now() + timeout;
        let class =
            if matches!(step, Step::Read { .. }) { TrafficClass::Bulk } else { TrafficClass::Interactive };
        let token = self.token(timeout).await?.to_string();
        let bytes = codec::encode(&StepRequest { token, snapshot: self.snapshot, step });
        let left = deadline.saturating_duration_since(Instant::now());
        let response = cluster.link.call(node, class, SNAPSHOT, bytes, left).await;
        let bytes = response.map_err(|error| error.to_string())?;
        codec::decode::<Result<StepOutput, StepError>>(&bytes).map_err(|unreadable| unreadable.to_string())?
    }

    async fn token(&self, timeout: Duration) -> Result<Arc<str>, StepError> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let timeout = if known.is_some() { timeout.min(TOKEN_MAX) } else { timeout };
        let credentials = self.node.credentials().ok_or("this node has no credentials")?;
        let signed = tokio::time::timeout(timeout, credentials.service_token(DIRECTORY, None)).await;
        match (signed, known) {
            (Ok(Ok(token)), _) => {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
                Ok(token)
            }
            (Ok(Err(_)) | Err(_), Some(known)) => Ok(known),
            (Ok(Err(why)), None) => Err(why.to_string().into()),
            (Err(_), None) => Err("no token in time".into()),
        }
    }

    /// Renews the leases on the nodes that can be reached.
    pub async fn renew(&self, nodes: &BTreeSet<String>, timeout: Duration) {
        let all = nodes.iter().map(|node| self.step(node, Step::Renew, timeout));
        for (node, output) in nodes.iter().zip(join_all(all).await) {
            if let Err(why) = output {
                tracing::warn!(node, %why, "renewing the lease of a cluster snapshot failed");
            }
        }
    }

    /// Ends the snapshot on these nodes: on this one before it returns, on the others by tasks that retry for as long
    /// as a lease can last. Each task ends when its node has responded. May be called outside of the runtime.
    pub fn end(self: &Arc<Self>, nodes: &BTreeSet<String>, end: End) -> Vec<JoinHandle<()>> {
        let own = self.node.cluster.get().map_or(SINGLE_NODE, |cluster| &*cluster.name);
        if nodes.contains(own) {
            self.node.end_snapshot(self.snapshot, end);
        }
        let others = nodes.iter().filter(|node| *node != own).cloned();
        others.map(|node| self.runtime.spawn(Arc::clone(self).end_at(node, end))).collect()
    }

    async fn end_at(self: Arc<Self>, node: String, end: End) {
        let begun = Instant::now();
        let mut pause = END_RETRY_MIN;
        while let Err(why) = self.step(&node, end.into(), END_MAX).await {
            if begun.elapsed() > LEASE_MAX {
                tracing::warn!(node, %why, "a cluster snapshot was not ended there; its lease has expired");
                return;
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(END_RETRY_MAX);
        }
    }
}
