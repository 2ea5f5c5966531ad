//! Having nodes take the steps of one backup: this node itself, and others over the link.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use link::TrafficClass;
use protocol::codec;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::hold::LEASE_MAX;
use super::steps::{Order, Over, Said, Step, Trouble};
use super::{DIRECTORY, about};
use crate::network::MOMENT;
use crate::node::Node;

/// How long a token may take to be signed, where there is one that will do.
const TOKEN_MAX: Duration = Duration::from_secs(1);
/// How long a node may take to hear that it is over.
const END_MAX: Duration = Duration::from_secs(2);
const END_AGAIN_MIN: Duration = Duration::from_millis(50);
const END_AGAIN_MAX: Duration = Duration::from_secs(1);
/// The node's own name where it is alone.
pub(super) const ALONE: &str = "";

/// One backup, as its steps are asked for.
pub(super) struct Asking {
    node: Arc<Node>,
    backup: u128,
    /// The last that was signed. What is held up must be let go of also while nobody can sign.
    token: Mutex<Option<Arc<str>>>,
    runtime: Handle,
}

impl Asking {
    /// Another backup than all before.
    pub fn new(node: &Arc<Node>) -> Arc<Self> {
        let runtime = Handle::current();
        Arc::new(Self { node: Arc::clone(node), backup: rand::random(), token: Mutex::default(), runtime })
    }

    /// Has a node take a step: this one at once, another over the link.
    pub async fn step(&self, node: &str, step: Step, at_most: Duration) -> Result<Said, Trouble> {
        let late = || Trouble::from("no answer in time");
        let away = match self.node.cluster.get() {
            Some(cluster) if node != &*cluster.name => cluster,
            Some(_) | None => {
                let taking = tokio::spawn(Arc::clone(&self.node).take_step(self.backup, step));
                let taken = tokio::time::timeout(at_most, taking).await.map_err(|_| late())?;
                return taken.unwrap_or_else(|_| Err("it failed".into()));
            }
        };
        let deadline = Instant::now() + at_most;
        let class =
            if matches!(step, Step::Read { .. }) { TrafficClass::Bulk } else { TrafficClass::Interactive };
        let token = self.token(at_most).await?.to_string();
        let bytes = codec::encode(&Order { token, backup: self.backup, step });
        let left = deadline.saturating_duration_since(Instant::now());
        let said = away.link.call(node, class, MOMENT, bytes, left).await;
        let bytes = said.map_err(|error| error.to_string())?;
        codec::decode::<Result<Said, Trouble>>(&bytes).map_err(|unreadable| unreadable.to_string())?
    }

    async fn token(&self, at_most: Duration) -> Result<Arc<str>, Trouble> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let at_most = if known.is_some() { at_most.min(TOKEN_MAX) } else { at_most };
        let credentials = self.node.credentials().ok_or("no credentials")?;
        let signed = tokio::time::timeout(at_most, credentials.service_token(DIRECTORY, None)).await;
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

    /// Has the pins kept, where that can be reached.
    pub async fn keep(&self, nodes: &BTreeSet<String>, at_most: Duration) {
        let all = nodes.iter().map(|node| self.step(node, Step::Keep, at_most));
        for (node, said) in nodes.iter().zip(join_all(all).await) {
            if let Err(why) = said {
                tracing::warn!(node, %why, "what is pinned there for a backup could not be kept");
            }
        }
    }

    /// Ends the hold on these nodes: on this one before it returns, on the others as soon as they hear of it, for as long
    /// as a lease could last there. To be called from anywhere. Each task ends when its node has heard.
    pub fn end(self: &Arc<Self>, nodes: &BTreeSet<String>, over: Over) -> Vec<JoinHandle<()>> {
        let own = self.node.cluster.get().map_or(ALONE, |cluster| &*cluster.name);
        if nodes.contains(own) {
            self.node.end_here(self.backup, over);
        }
        let away = nodes.iter().filter(|node| *node != own).cloned();
        away.map(|node| self.runtime.spawn(Arc::clone(self).end_at(node, over))).collect()
    }

    async fn end_at(self: Arc<Self>, node: String, over: Over) {
        let begun = Instant::now();
        let mut again = END_AGAIN_MIN;
        while let Err(why) = self.step(&node, over.into(), END_MAX).await {
            if begun.elapsed() > LEASE_MAX {
                tracing::warn!(node, %why, "a backup's lease there had to run out by itself");
                return;
            }
            tokio::time::sleep(about(again)).await;
            again = (again * 2).min(END_AGAIN_MAX);
        }
    }
}
