//! Replicas that count no more, because their group was founded anew without them.
//!
//! A recovery leaves old replicas behind, on disks that may come back: enough of them would be a majority of the group as it
//! was, elect a leader, and answer in its name. So whoever founds a group anew writes down which raft ids are void, and
//! nodes tell each other: when a session begins, and when one has learned more. A node closes its own replica of a void id
//! as soon as it hears of it, does not open it again, and routes nobody to others'; the directory has it dropped. A node
//! that starts listens for a moment before it opens anything ([`Node::hear_first`]).
//!
//! Raft ids are drawn at random and never used again: a void one is void for ever, and none is voided by mistake.
//!
//! Deliberately absent: help where all who know of a recovery are away. The old majority cannot know then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use link::{Identity, LinkError, PeerState, TrafficClass};
use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::kept::Life;
use crate::network::VOID;
use crate::node::{HostError, Node};

/// By group: raft ids that count no more.
pub(crate) type Voids = BTreeMap<String, BTreeSet<u64>>;

/// Why a void replica is not opened.
pub(crate) const WHY: &str =
    "its group was founded anew without it: it is held back, and made again where the directory wants it";
/// How long a peer may take to hear of it.
const TELL_MAX: Duration = Duration::from_secs(2);
/// The pause before a peer that could not be told is told again.
const AGAIN: Duration = Duration::from_millis(100);

/// What nodes tell each other.
#[derive(Serialize, Deserialize)]
struct Said {
    /// Of who says it: being a node is no credential.
    credential: String,
    voids: Voids,
}

/// Who has told what, and what is known of it.
pub(crate) struct Hearsay {
    pub voids: watch::Sender<Arc<Voids>>,
    /// Peers that have said what they know.
    heard: watch::Sender<BTreeSet<String>>,
}

impl Hearsay {
    /// Beginning with what was kept.
    pub fn new(voids: Voids) -> Self {
        Self { voids: watch::Sender::new(Arc::new(voids)), heard: watch::Sender::default() }
    }

    fn has_heard(&self, peer: &str) {
        self.heard.send_if_modified(|heard| heard.insert(peer.to_owned()));
    }
}

impl Node {
    /// Waits until every peer that can be reached has said which replicas are void, and has had that heeded. Before
    /// [`Node::reopen_all`]: what opens after this is not void, as far as anybody knows who is there.
    pub async fn hear_first(&self, at_most: Duration) {
        let Some(cluster) = self.cluster.get() else { return };
        let (mut peers, mut heard) = (cluster.link.peers(), cluster.hearsay.heard.subscribe());
        let all = async {
            loop {
                let waits = {
                    let (peers, heard) = (peers.borrow_and_update(), heard.borrow_and_update());
                    peers.iter().any(|peer| match &peer.state {
                        PeerState::Up => !heard.contains(&peer.name),
                        PeerState::Connecting => true,
                        PeerState::Down(_) | PeerState::Refused(_) => false,
                    })
                };
                if !waits {
                    return;
                }
                let changed = tokio::select! {
                    changed = peers.changed() => changed,
                    changed = heard.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(at_most, all).await;
    }

    /// Whether a replica counts no more.
    pub(crate) fn is_void(&self, group: &str, id: u64) -> Result<bool, HostError> {
        let voids = self.replicas.voids().map_err(|error| HostError::kept(group, &error))?;
        Ok(voids.get(group).is_some_and(|ids| ids.contains(&id)))
    }

    /// From now on these count no more: kept, told to the others, and heeded here.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub(crate) async fn void(&self, group: &str, ids: BTreeSet<u64>) -> Result<(), HostError> {
        self.learn([(group.to_owned(), ids)].into()).await.map_err(|error| HostError::kept(group, &error))
    }

    /// Keeps what is new, and tells the others.
    async fn learn(&self, said: Voids) -> std::io::Result<()> {
        let replicas = Arc::clone(&self.replicas);
        let known = tokio::task::spawn_blocking(move || replicas.add_voids(&said)).await;
        let known = known.unwrap_or_else(|error| Err(std::io::Error::other(error)))?;
        if let (Some(known), Some(cluster)) = (known, self.cluster.get()) {
            let known = Arc::new(known);
            cluster.hearsay.voids.send_replace(Arc::clone(&known));
            self.change_board(cluster, |board| {
                board.voids = known;
                true
            });
        }
        Ok(())
    }

    /// Heeds what a peer has said.
    async fn heed(self: &Arc<Self>, peer: &str, bytes: &[u8]) -> Result<(), String> {
        let cluster = self.cluster.get().ok_or("this node is alone")?;
        let said: Said = codec::decode(bytes).map_err(|unreadable| unreadable.to_string())?;
        let by = cluster.key.check_node_credential(&said.credential, Timestamp::wall_clock());
        if by.map_err(|rejected| rejected.to_string())? != peer {
            return Err("a node speaks for itself only".to_owned());
        }
        let groups: Vec<String> = said.voids.keys().cloned().collect();
        self.learn(said.voids).await.map_err(|error| error.to_string())?;
        for group in groups {
            self.hold_back(&group).await.map_err(|error| error.to_string())?;
        }
        cluster.hearsay.has_heard(peer);
        Ok(())
    }

    /// A peer says what it knows, and is told what is known here.
    pub(crate) async fn hear_voids(
        self: &Arc<Self>,
        from: &Identity,
        bytes: &[u8],
    ) -> Result<Vec<u8>, String> {
        self.heed(&from.node, bytes).await?;
        let cluster = self.cluster.get().ok_or("this node is alone")?;
        Ok(cluster.voids_said())
    }

    /// Raft ids of a group that were ever announced to this node, and `own`.
    pub(crate) fn seen_of(&self, group: &str, own: u64) -> BTreeSet<u64> {
        let mut ids = BTreeSet::from([own]);
        if let Some(cluster) = self.cluster.get() {
            for (_, _, replica) in cluster.board().replicas(group) {
                ids.insert(replica.id);
                ids.extend(replica.members().map(|(id, _)| id));
            }
        }
        // A founder's, before it was one.
        ids.remove(&0);
        ids
    }

    /// Closes this node's replica of a group, if it counts no more.
    async fn hold_back(self: &Arc<Self>, group: &str) -> Result<(), HostError> {
        let kept = self.replicas.get(group).map_err(|error| HostError::kept(group, &error))?;
        let Some(kept) = kept else { return Ok(()) };
        let closed = self.has_failed(group);
        if closed || !self.is_void(group, kept.id)? {
            return Ok(());
        }
        self.to_the_end(group, |node, group| async move {
            let kept = node.replicas.get(&group).map_err(|error| HostError::kept(&group, &error))?;
            let Some(kept) = kept.filter(|kept| match kept.life {
                Life::Making | Life::Kept => true,
                // Whoever becomes another is not meant any more; whoever goes, goes.
                Life::Dropping | Life::Refounding(_) => false,
            }) else {
                return Ok(());
            };
            if node.is_void(&group, kept.id)? {
                tracing::error!(group, id = kept.id, "a replica is closed: {WHY}");
                node.close_whole(&group).await;
                node.note_failed(&group, kept.id, WHY.to_owned());
            }
            Ok(())
        })
        .await
    }
}

impl Cluster {
    fn voids_said(&self) -> Vec<u8> {
        let credential = self.key.node_credential(&self.name, Timestamp::wall_clock());
        codec::encode(&Said { credential, voids: (**self.hearsay.voids.borrow()).clone() })
    }
}

/// Exchanges with a peer what is known: at once, and when more is known here.
pub(crate) async fn exchange(node: Arc<Node>, peer: String) {
    let Some(cluster) = node.cluster.get() else { return };
    let mut voids = cluster.hearsay.voids.subscribe();
    loop {
        voids.mark_unchanged();
        let answer =
            cluster.link.call(&peer, TrafficClass::Interactive, VOID, cluster.voids_said(), TELL_MAX).await;
        let told = match answer {
            Ok(bytes) => node.heed(&peer, &bytes).await,
            // Of an older program, which knows of none.
            Err(LinkError::Refused(why)) => Err(why),
            Err(error) => {
                tracing::debug!(peer, %error, "a peer could not be told of void replicas");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        if let Err(why) = told {
            tracing::warn!(peer, why, "a peer does not say which replicas are void");
            cluster.hearsay.has_heard(&peer);
        }
        if voids.changed().await.is_err() {
            return;
        }
    }
}
