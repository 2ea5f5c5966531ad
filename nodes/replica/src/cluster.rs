//! A node among others: its link, what it tells them, and what they tell it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use link::{Link, TrafficClass};
use protocol::codec;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::board::{Announcement, Board, Profile};
use crate::network::{self, BOARD, Ways};
use crate::node::Node;
use crate::settings::Limits;
use crate::void::{Hearsay, exchange};

/// A node looks this often whether there is something to announce.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Every so many looks it announces itself in any case, and finds out before what costs something to find out.
const LOOKS_A_TELLING: u32 = 10;
/// News come in bursts: so long one more may come.
const BURST: Duration = Duration::from_millis(1);
/// How long a peer may take to hear an announcement.
const TELL_MAX: Duration = Duration::from_secs(2);
/// The pause before a peer that could not be told is told again.
const TELL_AGAIN: Duration = Duration::from_millis(100);
/// A message of consensus is closed once it has grown to this. Longer ones would travel as bulk does.
const MESSAGE_BYTES_MAX: usize = 512 << 10;

/// See the module.
pub(crate) struct Cluster {
    pub link: Link,
    /// This node's name.
    pub name: Arc<str>,
    pub ways: Arc<Ways>,
    pub key: token::ClusterKey,
    pub board: watch::Sender<Arc<Board>>,
    /// Which replicas count no more.
    pub hearsay: Hearsay,
    profile: Profile,
    incarnation: u64,
    /// What is to be told, encoded.
    latest: watch::Sender<Arc<[u8]>>,
    leaving: OnceLock<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Cluster {
    /// What consensus is set to where a group may have more than one replica.
    pub fn settings(&self, limits: &Limits) -> consensus::Settings {
        consensus::Settings {
            message_bytes_max: MESSAGE_BYTES_MAX,
            snapshot_every_entries: limits.log_cut_every_entries,
            keep_entries: limits.log_kept_entries,
            ..consensus::Settings::default()
        }
    }

    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board.borrow())
    }

    /// From now on it says that it is leaving.
    pub fn leave(&self) {
        let _ = self.leaving.set(());
    }

    /// Tells nobody anything any more.
    pub fn end(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.drain(..).for_each(|task| task.abort());
    }
}

impl Node {
    /// Joins this node to others over `link`, whose calls are to be answered by [`Node::handler`]. From then on it
    /// announces itself and can be told what to do. `key` is the cluster's: a node's own credential is made with it.
    /// Once; more often changes nothing.
    pub fn connect(self: &Arc<Self>, link: Link, profile: Profile, key: token::ClusterKey) {
        // What cannot be read is told when the first replica is opened.
        let voids = self.replicas.voids().unwrap_or_default();
        let mut board = Board::default();
        board.voids = Arc::new(voids.clone());
        let cluster = Cluster {
            name: link.identity().node.as_str().into(),
            ways: network::over(&link),
            link,
            key,
            board: watch::Sender::new(Arc::new(board)),
            hearsay: Hearsay::new(voids),
            profile,
            incarnation: rand::random(),
            latest: watch::Sender::new(Arc::from([])),
            leaving: OnceLock::new(),
            tasks: Mutex::default(),
        };
        if self.cluster.set(cluster).is_err() {
            return;
        }
        let Some(cluster) = self.cluster.get() else { return };
        let tasks = [tokio::spawn(announce(Arc::clone(self))), tokio::spawn(watch_peers(Arc::clone(self)))];
        cluster.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
    }

    /// Changes the board, and tells those who wait for ways to groups if these have changed.
    pub(crate) fn change_board(&self, cluster: &Cluster, change: impl FnOnce(&mut Board) -> bool) {
        let mut moved = false;
        cluster.board.send_if_modified(|board| {
            let board = Arc::make_mut(board);
            let changed = change(board);
            if changed {
                moved = board.find_places(&cluster.name);
            }
            changed
        });
        if moved {
            self.ways.tell();
        }
    }

    /// A peer has announced itself.
    pub(crate) fn hear(&self, said: Announcement) {
        let Some(cluster) = self.cluster.get() else { return };
        self.change_board(cluster, |board| board.take(said, false));
    }
}

/// Announces this node: at once when something changes, and every second in any case.
async fn announce(node: Arc<Node>) {
    let Some(cluster) = node.cluster.get() else { return };
    let mut news = node.news.subscribe();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut number, mut looks_made, mut disk_free_bytes) = (0, 0, 0);
    loop {
        let told = tokio::select! {
            changed = news.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(BURST).await;
                news.mark_unchanged();
                true
            }
            _ = looks.tick() => {
                looks_made += 1;
                let tells = looks_made % LOOKS_A_TELLING == 1;
                if tells {
                    disk_free_bytes = measure(&node).await.unwrap_or(disk_free_bytes);
                }
                tells
            }
        };
        let replicas = node.known_status();
        // Whoever waits for a replica to catch up wants to see how far it is.
        let moving = replicas.iter().any(|replica| {
            replica.leader
                && (replica.joint
                    || replica.learners.keys().any(|id| replica.lag_of(*id).is_none_or(|lag| lag > 0)))
        });
        if !told && !moving {
            continue;
        }
        number += 1;
        let said = Announcement {
            node: cluster.name.to_string(),
            node_id: cluster.link.identity().node_id,
            incarnation: cluster.incarnation,
            number,
            profile: cluster.profile.clone(),
            disk_free_bytes,
            leaving: cluster.leaving.get().is_some(),
            replicas,
        };
        cluster.latest.send_replace(codec::encode(&said).into());
        node.change_board(cluster, |board| board.take(said, true));
    }
}

/// Finds out what costs something, where that may block; brings the bytes that the disk has left.
async fn measure(node: &Arc<Node>) -> Option<u64> {
    let node = Arc::clone(node);
    let measured = tokio::task::spawn_blocking(move || {
        node.measure();
        let about = rustix::fs::statvfs(&node.options.data).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    });
    measured.await.ok().flatten()
}

/// Follows who is there: tells those who come, and has groups elect others than those who go.
async fn watch_peers(node: Arc<Node>) {
    let Some(cluster) = node.cluster.get() else { return };
    let mut peers = cluster.link.peers();
    let mut told: HashMap<String, (SystemTime, Teller)> = HashMap::new();
    loop {
        let now = peers.borrow_and_update().clone();
        let mut known: HashMap<&str, &link::Peer> = HashMap::new();
        known.extend(now.iter().filter(|peer| !peer.name.is_empty()).map(|peer| (peer.name.as_str(), peer)));
        let gone: Vec<String> = told
            .iter()
            .filter(|(name, (since, _))| {
                known.get(name.as_str()).is_none_or(|peer| !network::is_up(peer) || peer.since != *since)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in &gone {
            told.remove(name);
        }
        node.change_board(cluster, |board| {
            let away: Vec<String> = board
                .nodes
                .keys()
                .filter(|name| ***name != *cluster.name && !known.contains_key(name.as_str()))
                .cloned()
                .collect();
            away.iter().for_each(|name| board.forget(name));
            for (name, peer) in &known {
                board.reach(name, network::is_up(peer), peer.since, peer.rtt);
            }
            true
        });
        gone.iter().for_each(|name| node.lost(name));
        for (name, peer) in known {
            if network::is_up(peer) && !told.contains_key(name) {
                let latest = cluster.latest.subscribe();
                let telling = tell(cluster.link.clone(), name.to_owned(), latest);
                let exchanging = exchange(Arc::clone(&node), name.to_owned());
                let teller = tokio::spawn(async move {
                    tokio::join!(telling, exchanging);
                });
                told.insert(name.to_owned(), (peer.since, Teller(teller)));
            }
        }
        if peers.changed().await.is_err() {
            return;
        }
    }
}

/// Stops with whoever has it.
struct Teller(JoinHandle<()>);

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells one peer what is new, one after the other: what came in between is skipped.
async fn tell(link: Link, peer: String, mut latest: watch::Receiver<Arc<[u8]>>) {
    loop {
        let bytes = latest.borrow_and_update().to_vec();
        if !bytes.is_empty()
            && let Err(error) = link.call(&peer, TrafficClass::Interactive, BOARD, bytes, TELL_MAX).await
        {
            tracing::debug!(peer, %error, "a peer could not be told");
            tokio::time::sleep(TELL_AGAIN).await;
            continue;
        }
        if latest.changed().await.is_err() {
            return;
        }
    }
}
