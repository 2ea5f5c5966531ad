//! What runs on one node: its groups, and the way to each.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use group::{Client, Credentials, Effects, Inlet, Service, Unavailable, Why};
use protocol::Contract;
use ractor::ActorRef;
use tokio::sync::{Semaphore, watch};

use crate::board::Board;
use crate::cluster::Cluster;
use crate::hosting::{Incarnation, Launch, launch, launcher};
use crate::hush::Hush;
use crate::kept::Replicas;
use crate::moment::Holds;
use crate::news::News;
use crate::ops::Operate;
use crate::settings::Limits;
use crate::status::GroupStatus;
use crate::supervisor::SupervisorMessage;
use crate::wire::Serve;

/// How long a group may take to be closed, its state flushed.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(10);

/// What a node needs to host groups.
pub struct NodeOptions {
    /// `DATA`: groups live in `DATA/groups/`.
    pub data: PathBuf,
    /// The log that all groups of the node share.
    pub log: Arc<store::NodeLog>,
    /// Checks callers' tokens.
    pub verifier: Arc<token::Verifier>,
    /// The way to other nodes, for groups that are opened while the node is not [connected](Node::connect).
    pub network: Arc<dyn consensus::Network>,
    /// Limits of each group.
    pub limits: Limits,
    /// The cluster's epoch: 1, and one more after each restore.
    pub epoch: u64,
    /// sled's cache for each group, in bytes.
    pub cache_bytes: u64,
}

/// A node's groups. Also the [`group::Placement`] by which clients on it find them, and those of other nodes.
pub struct Node {
    pub(crate) options: NodeOptions,
    epoch: AtomicU64,
    pub(crate) heavy: Arc<Semaphore>,
    groups: RwLock<BTreeMap<String, Hosted>>,
    services: Mutex<BTreeMap<String, Registered>>,
    credentials: OnceLock<Arc<dyn Credentials>>,
    pub(crate) replicas: Arc<Replicas>,
    /// Replicas that are this node's and could not be opened: which, and why.
    pub(crate) failed: Mutex<BTreeMap<String, (u64, String)>>,
    /// One change at a time to what this node has of a group.
    pub(crate) turns: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Something changed here that others should hear of.
    pub(crate) news: Arc<News>,
    /// Ways to groups may have changed.
    pub(crate) ways: Arc<News>,
    pub(crate) cluster: OnceLock<Cluster>,
    /// Whether outboxes may send.
    pub(crate) hush: Arc<Hush>,
    /// What is pinned for backups.
    pub(crate) holds: Holds,
}

/// A service that this node can host.
struct Registered {
    shards: u16,
    launch: Option<Arc<Launch>>,
}

/// A replica that is here.
#[derive(Clone)]
pub(crate) struct Hosted {
    pub id: u64,
    pub port: Arc<dyn Any + Send + Sync>,
    pub inlet: Arc<dyn Inlet>,
    pub serve: Arc<dyn Serve>,
    pub supervisor: ActorRef<SupervisorMessage>,
    pub ops: Arc<dyn Operate>,
    /// Gone once nobody uses the store any more.
    pub state: Weak<dyn store::State>,
}

/// Why a group cannot be hosted.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its store cannot be opened.
    #[error("the store of {group}: {fault}")]
    Store {
        /// Which group.
        group: String,
        /// What is wrong.
        fault: store::Fault,
    },
    /// It could not be started.
    #[error("{group} cannot be started: {why}")]
    Start {
        /// Which group.
        group: String,
        /// Why.
        why: String,
    },
}

impl Node {
    /// A node without groups.
    pub fn new(options: NodeOptions) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let replicas = Arc::new(Replicas::new(&options.data));
        Arc::new(Self {
            epoch: AtomicU64::new(options.epoch),
            options,
            heavy: Arc::new(Semaphore::new(cores)),
            groups: RwLock::default(),
            services: Mutex::default(),
            credentials: OnceLock::new(),
            replicas,
            failed: Mutex::default(),
            turns: Mutex::default(),
            news: Arc::default(),
            ways: Arc::default(),
            cluster: OnceLock::new(),
            hush: Arc::default(),
            holds: Holds::default(),
        })
    }

    /// The cluster's epoch, where it is heard of after the start: for groups that are opened from then on.
    pub fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A client for all groups.
    pub fn client(self: &Arc<Self>) -> Client {
        Client::new(Arc::<Self>::clone(self))
    }

    /// Where this node's services get their tokens. Once, before the first group is hosted.
    pub fn set_credentials(&self, credentials: Arc<dyn Credentials>) {
        let _ = self.credentials.set(credentials);
    }

    pub(crate) fn credentials(&self) -> Option<&Arc<dyn Credentials>> {
        self.credentials.get()
    }

    /// Makes a service known: how many shards the cluster has of it, and how a replica of one is made. Opens nothing.
    pub fn register<S: Service, E: Effects<S>>(
        &self,
        shards: u16,
        make: impl Fn() -> S + Send + Sync + 'static,
        effects: impl Fn(u16) -> E + Send + Sync + 'static,
    ) {
        let launch = Some(launcher::<S, E>(make, effects));
        self.services().insert(<S::Contract as Contract>::SERVICE.to_owned(), Registered { shards, launch });
    }

    /// Makes a service known that this node cannot host: its shards are called on other nodes.
    pub fn know(&self, service: &str, shards: u16) {
        let mut services = self.services();
        let launch = services.remove(service).and_then(|known| known.launch);
        services.insert(service.to_owned(), Registered { shards, launch });
    }

    /// Opens this node's replica of a group, as its only voter when the group is new: on a machine that is alone. In a
    /// cluster, [`Node::open`] does it.
    ///
    /// # Errors
    /// When its store cannot be opened or its state not be read.
    ///
    /// # Panics
    /// When the node has no credentials yet.
    pub async fn host<S: Service, E: Effects<S>>(
        self: &Arc<Self>,
        shard: u16,
        shards: u16,
        make: impl Fn() -> S + Send + Sync + 'static,
        effects: E,
    ) -> Result<(), HostError> {
        let service = <S::Contract as Contract>::SERVICE;
        self.know(service, shards);
        let incarnation = Incarnation::alone(self, &format!("{service}/{shard}")).await?;
        launch(Arc::clone(self), Arc::new(make), Arc::new(effects), incarnation).await
    }

    pub(crate) fn insert(&self, group: &str, hosted: Hosted) {
        self.groups.write().unwrap_or_else(PoisonError::into_inner).insert(group.to_owned(), hosted);
        self.tell();
    }

    /// Takes a replica off the node, and closes it.
    pub(crate) async fn close(&self, group: &str) -> Option<Hosted> {
        let hosted = self.groups.write().unwrap_or_else(PoisonError::into_inner).remove(group)?;
        self.tell();
        let _ = hosted.supervisor.call(SupervisorMessage::Close, Some(CLOSE_MAX)).await;
        Some(hosted)
    }

    /// A replica that is this node's is not open: it is announced as given up.
    pub(crate) fn note_failed(&self, group: &str, id: u64, why: String) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(group.to_owned(), (id, why));
        self.news.tell();
    }

    pub(crate) fn has_failed(&self, group: &str) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).contains_key(group)
    }

    fn tell(&self) {
        self.news.tell();
        self.ways.tell();
    }

    /// Whether each group here has a leader that can be reached.
    pub fn ready(&self) -> bool {
        self.waiting().is_none()
    }

    /// The first group here that has no leader that can be reached, and why.
    pub fn waiting(&self) -> Option<(String, String)> {
        let hosted = self.hosted();
        let all = hosted.iter().map(|(group, hosted)| (group, hosted.ops.status()));
        let mut waiting = all.filter_map(|(group, status)| Some((group.clone(), self.lacks(&status)?)));
        waiting.next().or_else(|| {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.iter().next().map(|(group, (_, why))| (group.clone(), why.clone()))
        })
    }

    /// Why nobody can call a group that has this replica, if that is so.
    pub(crate) fn lacks(&self, status: &GroupStatus) -> Option<String> {
        if let Some(why) = &status.quarantined {
            return Some(format!("given up: {why}"));
        }
        let Some(cluster) = self.cluster.get() else {
            return (!status.leader).then(|| "no leader".to_owned());
        };
        // One that does not vote is on its way to its group, or away from it: nobody waits for it.
        if !status.voters.values().any(|node| node == &*cluster.name) {
            return None;
        }
        let reached = |node: &str| node == &*cluster.name || cluster.board().is_live(node);
        if status.leader {
            let there = status.voters.values().filter(|node| reached(node)).count();
            return (there * 2 <= status.voters.len()).then(|| "its majority is away".to_owned());
        }
        match &status.led_by {
            Some((id, node)) if *id != status.id && reached(node) => None,
            Some(_) | None => Some("no leader".to_owned()),
        }
    }

    /// How each group is.
    pub fn status(&self) -> Vec<GroupStatus> {
        self.measure();
        self.known_status()
    }

    pub(crate) fn measure(&self) {
        self.hosted().values().for_each(|hosted| hosted.ops.measure());
    }

    /// How each group is, as far as that is known without looking into stores.
    pub(crate) fn known_status(&self) -> Vec<GroupStatus> {
        let mut all: Vec<GroupStatus> = self.hosted().values().map(|hosted| hosted.ops.status()).collect();
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(failed.iter().map(|(group, (id, why))| GroupStatus {
            group: group.clone(),
            id: *id,
            quarantined: Some(why.clone()),
            ..GroupStatus::default()
        }));
        all.sort_by(|one, other| one.group.cmp(&other.group));
        all
    }

    /// Runs each service's invariants: `group: what is broken`.
    pub fn violations(&self) -> Vec<String> {
        let check = |(group, hosted): (&String, &Hosted)| match hosted.ops.violations() {
            Ok(violations) => {
                violations.into_iter().map(|violation| format!("{group}: {violation}")).collect::<Vec<_>>()
            }
            Err(halt) => vec![format!("{group}: {halt}")],
        };
        self.hosted().iter().flat_map(check).collect()
    }

    /// Has a parked outbox row tried again, or dropped. Where the group's leader is.
    ///
    /// # Errors
    /// When the group is not here, or not available.
    pub async fn release(&self, group: &str, row: u64, again: bool) -> Result<(), Unavailable> {
        let hosted = self.one(group);
        let hosted = hosted.ok_or_else(|| Unavailable::new(Why::NoService(group.to_owned())))?;
        hosted.ops.release(row, again).await?;
        let _ = hosted.supervisor.cast(SupervisorMessage::Released);
        Ok(())
    }

    /// Lets a group's effects go that a restore holds back. Where its leader is.
    ///
    /// # Errors
    /// When the group is not here, or not available.
    pub async fn let_effects_go(&self, group: &str) -> Result<(), Unavailable> {
        let hosted = self.one(group);
        let hosted = hosted.ok_or_else(|| Unavailable::new(Why::NoService(group.to_owned())))?;
        hosted.ops.let_go().await?;
        let _ = hosted.supervisor.cast(SupervisorMessage::Released);
        Ok(())
    }

    /// What all nodes have announced, as it changes; of a node that is alone, nothing.
    pub fn board(&self) -> watch::Receiver<Arc<Board>> {
        match self.cluster.get() {
            Some(cluster) => cluster.board.subscribe(),
            None => watch::Sender::new(Arc::default()).subscribe(),
        }
    }

    /// Hands leadership over to other nodes, then closes all groups, their states flushed.
    pub async fn shutdown(&self) {
        self.hand_over().await;
        self.holds.clear();
        let groups = std::mem::take(&mut *self.groups.write().unwrap_or_else(PoisonError::into_inner));
        let closing =
            groups.values().map(|hosted| hosted.supervisor.call(SupervisorMessage::Close, Some(CLOSE_MAX)));
        futures::future::join_all(closing).await;
        if let Some(cluster) = self.cluster.get() {
            cluster.end();
        }
    }

    pub(crate) fn hosted(&self) -> BTreeMap<String, Hosted> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn one(&self, group: &str) -> Option<Hosted> {
        self.with(group, Hosted::clone)
    }

    /// Looks at the replica of `group` that is here.
    pub(crate) fn with<T>(&self, group: &str, look: impl FnOnce(&Hosted) -> T) -> Option<T> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).get(group).map(look)
    }

    /// How a service's replicas are made here, if they can be.
    pub(crate) fn launch_of(&self, group: &str) -> Option<Arc<Launch>> {
        let service = group.split('/').next().unwrap_or_default();
        self.services().get(service).and_then(|registered| registered.launch.clone())
    }

    pub(crate) fn shards_of(&self, service: &str) -> Option<u16> {
        self.services().get(service).map(|registered| registered.shards)
    }

    fn services(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Registered>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
