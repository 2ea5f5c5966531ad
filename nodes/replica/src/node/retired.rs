//! Retired replicas: those that lost their group when it was recovered without them.
//!
//! A recovery ([`Node::recover`]) leaves old replicas behind, on disks that may come back. Enough of them would form a
//! majority of the old group, elect a leader, and serve calls. Therefore the node that recovers a group stores which
//! raft ids are retired, and nodes exchange them: at the beginning of each session, and when a node stores more. A node
//! closes its own retired replica as soon as it receives the id, does not open it again, and routes no calls to retired
//! replicas elsewhere; the directory deletes them. A node that starts first exchanges the ids with the peers that it
//! can reach ([`Node::sync_retired_replicas`]).
//!
//! Raft ids are random and never used again: a retired replica stays retired, and no other has its id.
//!
//! Deliberately absent: protection while every node that has stored the recovery is down. An old majority cannot detect
//! it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use link::{Identity, LinkError, PeerState, TrafficClass};
use protocol::{Timestamp, codec};

use super::stored::Lifecycle;
use super::{HostError, Node};
use crate::cluster::retired::{RetiredMessage, RetiredReplicas};
use crate::cluster::transport::RETIRED_REPLICAS;

/// Why a retired replica is not opened.
pub(super) const REASON: &str =
    "the group was recovered without this replica: it stays closed until the directory deletes it";
/// How long a peer may take for an exchange.
const EXCHANGE_MAX: Duration = Duration::from_secs(2);
/// The pause before a failed exchange is repeated.
const RETRY: Duration = Duration::from_millis(100);
const SINGLE_NODE: &str = "this node is not part of a cluster";

impl Node {
    /// Waits until the retired replicas of all reachable peers are stored here, and those of this node closed; at most
    /// `timeout`. To be called before [`Node::reopen_all`], so that no retired replica is opened.
    pub async fn sync_retired_replicas(&self, timeout: Duration) {
        let Some(cluster) = self.cluster.get() else { return };
        let (mut peers, mut synced) = (cluster.link.peers(), cluster.retirement_sync.synced.subscribe());
        let all = async {
            loop {
                let pending = {
                    let (peers, synced) = (peers.borrow_and_update(), synced.borrow_and_update());
                    peers.iter().any(|peer| match &peer.state {
                        PeerState::Up => !synced.contains(&peer.name),
                        PeerState::Connecting => true,
                        PeerState::Down(_) | PeerState::Refused(_) => false,
                    })
                };
                if !pending {
                    return;
                }
                let changed = tokio::select! {
                    changed = peers.changed() => changed,
                    changed = synced.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(timeout, all).await;
    }

    pub(super) fn is_retired(&self, group: &str, id: u64) -> Result<bool, HostError> {
        let retired = self.stored.retired().map_err(|error| HostError::io(group, &error))?;
        Ok(retired.get(group).is_some_and(|ids| ids.contains(&id)))
    }

    /// Retires these replicas: stores their ids, and sends them to the peers.
    ///
    /// # Errors
    /// When they cannot be stored.
    pub(super) async fn retire(&self, group: &str, ids: BTreeSet<u64>) -> Result<(), HostError> {
        let added = self.add_retired([(group.to_owned(), ids)].into()).await;
        added.map_err(|error| HostError::io(group, &error))
    }

    /// Stores the ids that are new. The exchange tasks then send them to the peers.
    async fn add_retired(&self, more: RetiredReplicas) -> std::io::Result<()> {
        let stored = Arc::clone(&self.stored);
        let all = tokio::task::spawn_blocking(move || stored.add_retired(&more)).await;
        let all = all.unwrap_or_else(|error| Err(std::io::Error::other(error)))?;
        if let (Some(all), Some(cluster)) = (all, self.cluster.get()) {
            let all = Arc::new(all);
            cluster.retirement_sync.retired.send_replace(Arc::clone(&all));
            self.update_view(cluster, |view| {
                view.retired = all;
                true
            });
        }
        Ok(())
    }

    /// Stores the retired replicas that a peer has sent, and closes those of this node.
    async fn apply_retired(self: &Arc<Self>, peer: &str, bytes: &[u8]) -> Result<(), String> {
        let cluster = self.cluster.get().ok_or(SINGLE_NODE)?;
        let message: RetiredMessage = codec::decode(bytes).map_err(|unreadable| unreadable.to_string())?;
        let sender = cluster.key.check_node_credential(&message.credential, Timestamp::wall_clock());
        if sender.map_err(|rejected| rejected.to_string())? != peer {
            return Err("the credential is another node's".to_owned());
        }
        let groups: Vec<String> = message.retired.keys().cloned().collect();
        self.add_retired(message.retired).await.map_err(|error| error.to_string())?;
        for group in groups {
            self.close_if_retired(&group).await.map_err(|error| error.to_string())?;
        }
        cluster.retirement_sync.mark_synced(peer);
        Ok(())
    }

    /// Serves a peer's exchange request: the response lists the retired replicas stored here.
    pub(crate) async fn serve_retired(
        self: &Arc<Self>,
        from: &Identity,
        bytes: &[u8],
    ) -> Result<Vec<u8>, String> {
        self.apply_retired(&from.node, bytes).await?;
        let cluster = self.cluster.get().ok_or(SINGLE_NODE)?;
        Ok(cluster.retired_message())
    }

    /// All raft ids of a group that this node has observed, and `own`.
    pub(super) fn observed_ids(&self, group: &str, own: u64) -> BTreeSet<u64> {
        let mut ids = BTreeSet::from([own]);
        if let Some(cluster) = self.cluster.get() {
            for (_, _, replica) in cluster.view().replicas(group) {
                ids.insert(replica.id);
                ids.extend(replica.members().map(|(id, _)| id));
            }
        }
        // 0 stands for a replica whose id is not known yet.
        ids.remove(&0);
        ids
    }

    /// Closes this node's replica of a group if it is retired.
    async fn close_if_retired(self: &Arc<Self>, group: &str) -> Result<(), HostError> {
        let Some(stored) = self.stored_replica(group)? else { return Ok(()) };
        let closed = self.has_failed(group);
        if closed || !self.is_retired(group, stored.id)? {
            return Ok(());
        }
        self.change_replica(group, |node, group| async move {
            let stored = node.stored_replica(&group)?.filter(|stored| match stored.lifecycle {
                Lifecycle::Creating | Lifecycle::Active => true,
                // A replica that is being recovered gets another id; one that is being deleted is closed already.
                Lifecycle::Deleting | Lifecycle::Recovering(_) => false,
            });
            let Some(stored) = stored else { return Ok(()) };
            if node.is_retired(&group, stored.id)? {
                tracing::error!(group, id = stored.id, "closing a retired replica: {REASON}");
                node.close_and_wait(&group).await;
                node.set_failed(&group, stored.id, REASON.to_owned());
            }
            Ok(())
        })
        .await
    }
}

/// Exchanges retired replicas with a peer: immediately, and whenever this node has stored more.
pub(super) async fn exchange_retired(node: Arc<Node>, peer: String) {
    let Some(cluster) = node.cluster.get() else { return };
    let mut retired = cluster.retirement_sync.retired.subscribe();
    loop {
        retired.mark_unchanged();
        let message = cluster.retired_message();
        let response = cluster
            .link
            .call(&peer, TrafficClass::Interactive, RETIRED_REPLICAS, message, EXCHANGE_MAX)
            .await;
        let applied = match response {
            Ok(bytes) => node.apply_retired(&peer, &bytes).await,
            Err(LinkError::Refused(why)) => Err(why),
            Err(error) => {
                tracing::debug!(peer, %error, "exchanging retired replicas failed");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        if let Err(why) = applied {
            tracing::warn!(peer, why, "a peer refused to exchange retired replicas");
            // Nothing more can be learned from this peer: do not wait for it.
            cluster.retirement_sync.mark_synced(&peer);
        }
        if retired.changed().await.is_err() {
            return;
        }
    }
}
