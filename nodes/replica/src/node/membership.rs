//! Exchanges node status with the other nodes, and follows which of them can be reached.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use link::{Link, TrafficClass};
use protocol::codec;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::Node;
use super::retired::exchange_retired;
use crate::cluster::Cluster;
use crate::cluster::transport::{self, NODE_STATUS};
use crate::cluster::view::{ClusterView, NodeInfo, NodeStatus};

/// How often a node checks whether it has something to announce without a notification.
const TICK: Duration = Duration::from_millis(100);
/// Every so many ticks, a node measures what is costly to measure, and announces itself in any case.
const TICKS_PER_ANNOUNCEMENT: u32 = 10;
/// Changes come in bursts. An announcement waits this long for further changes.
const BURST: Duration = Duration::from_millis(1);
/// How long a peer may take to receive an announcement.
const SEND_MAX: Duration = Duration::from_secs(2);
/// The pause before a failed announcement is sent again.
const RETRY: Duration = Duration::from_millis(100);

impl Node {
    /// Connects this node to the others over `link`, whose requests [`Node::handler`] must serve. From then on the node
    /// announces its status and accepts tasks. `key` is the cluster's key, which signs the node's own credential. Has
    /// no effect on a node that is connected already.
    pub fn connect(self: &Arc<Self>, link: Link, info: NodeInfo, key: token::ClusterKey) {
        // If the file cannot be read, opening the first replica reports the error.
        let retired = self.stored.retired().unwrap_or_default();
        if self.cluster.set(Cluster::new(link, info, key, retired)).is_err() {
            return;
        }
        let Some(cluster) = self.cluster.get() else { return };
        cluster.run([tokio::spawn(announce(Arc::clone(self))), tokio::spawn(watch_peers(Arc::clone(self)))]);
    }

    /// Changes the cluster view. Notifies callers that wait for a route if the location of a group has changed.
    pub(crate) fn update_view(&self, cluster: &Cluster, change: impl FnOnce(&mut ClusterView) -> bool) {
        let mut moved = false;
        cluster.view.send_if_modified(|view| {
            let view = Arc::make_mut(view);
            let changed = change(view);
            if changed {
                moved = view.update_locations(&cluster.name);
            }
            changed
        });
        if moved {
            self.route_changes.notify();
        }
    }

    /// Receives a peer's announcement.
    pub(crate) fn receive_status(&self, status: NodeStatus) {
        let Some(cluster) = self.cluster.get() else { return };
        self.update_view(cluster, |view| view.update_status(status, false));
    }
}

/// Announces this node: immediately after a change, and every second in any case.
async fn announce(node: Arc<Node>) {
    let Some(cluster) = node.cluster.get() else { return };
    let mut changes = node.changes.subscribe();
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sequence, mut ticks, mut disk_free_bytes) = (0, 0, 0);
    loop {
        let due = tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(BURST).await;
                changes.mark_unchanged();
                true
            }
            _ = interval.tick() => {
                ticks += 1;
                let due = ticks % TICKS_PER_ANNOUNCEMENT == 1;
                if due {
                    disk_free_bytes = measure(&node).await.unwrap_or(disk_free_bytes);
                }
                due
            }
        };
        let replicas = node.known_status();
        // While a replica catches up, its progress is announced at every tick.
        let catching_up = replicas.iter().any(|replica| {
            replica.leader
                && (replica.joint
                    || replica.learners.keys().any(|id| replica.lag_of(*id).is_none_or(|lag| lag > 0)))
        });
        if !due && !catching_up {
            continue;
        }
        sequence += 1;
        let status = NodeStatus {
            node: cluster.name.to_string(),
            node_id: cluster.link.identity().node_id,
            incarnation: cluster.incarnation,
            sequence,
            info: cluster.info.clone(),
            disk_free_bytes,
            leaving: cluster.is_leaving(),
            replicas,
        };
        cluster.latest_status.send_replace(codec::encode(&status).into());
        node.update_view(cluster, |view| view.update_status(status, true));
    }
}

/// Measures what is costly to measure, on a thread that may block. Returns the free bytes on the disk.
async fn measure(node: &Arc<Node>) -> Option<u64> {
    let node = Arc::clone(node);
    let measured = tokio::task::spawn_blocking(move || {
        node.measure();
        let stat = rustix::fs::statvfs(&node.options.data).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    });
    measured.await.ok().flatten()
}

/// Follows the link's peers: sends announcements to those that connect, and starts elections where a lost node led.
async fn watch_peers(node: Arc<Node>) {
    let Some(cluster) = node.cluster.get() else { return };
    let mut peers = cluster.link.peers();
    let mut sessions: HashMap<String, (SystemTime, Session)> = HashMap::new();
    loop {
        let now = peers.borrow_and_update().clone();
        let mut known: HashMap<&str, &link::Peer> = HashMap::new();
        known.extend(now.iter().filter(|peer| !peer.name.is_empty()).map(|peer| (peer.name.as_str(), peer)));
        let lost: Vec<String> = sessions
            .iter()
            .filter(|(name, (since, _))| {
                known.get(name.as_str()).is_none_or(|peer| !transport::is_up(peer) || peer.since != *since)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in &lost {
            sessions.remove(name);
        }
        node.update_view(cluster, |view| {
            let removed: Vec<String> = view
                .nodes
                .keys()
                .filter(|name| ***name != *cluster.name && !known.contains_key(name.as_str()))
                .cloned()
                .collect();
            removed.iter().for_each(|name| view.remove_node(name));
            for (name, peer) in &known {
                view.update_reachability(name, transport::is_up(peer), peer.since, peer.rtt);
            }
            true
        });
        lost.iter().for_each(|name| node.replace_lost_leaders(name));
        for (name, peer) in known {
            if transport::is_up(peer) && !sessions.contains_key(name) {
                let latest = cluster.latest_status.subscribe();
                let statuses = send_statuses(cluster.link.clone(), name.to_owned(), latest);
                let retired = exchange_retired(Arc::clone(&node), name.to_owned());
                let task = tokio::spawn(async move {
                    tokio::join!(statuses, retired);
                });
                sessions.insert(name.to_owned(), (peer.since, Session(task)));
            }
        }
        if peers.changed().await.is_err() {
            return;
        }
    }
}

/// The task that sends to one peer. Dropping the session aborts it.
struct Session(JoinHandle<()>);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends this node's status to a peer, one announcement at a time. Those superseded meanwhile are skipped.
async fn send_statuses(link: Link, peer: String, mut latest: watch::Receiver<Arc<[u8]>>) {
    loop {
        let bytes = latest.borrow_and_update().to_vec();
        if !bytes.is_empty()
            && let Err(error) =
                link.call(&peer, TrafficClass::Interactive, NODE_STATUS, bytes, SEND_MAX).await
        {
            tracing::debug!(peer, %error, "sending the node status failed");
            tokio::time::sleep(RETRY).await;
            continue;
        }
        if latest.changed().await.is_err() {
            return;
        }
    }
}
