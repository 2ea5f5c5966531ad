//! A node: the replicas that it hosts, and the routes to all groups.
//!
//! [`Node`] and its parts: creating and opening replicas (`hosting`, `launch`, `files`, `stored`), routes to groups
//! (`routing`), the exchange with other nodes (`membership`, `retired`), and changes of leaders (`succession`).

mod files;
mod hosting;
mod launch;
mod membership;
mod retired;
mod routing;
mod stored;
mod succession;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use group::{Client, Credentials, Effects, ReplicaStatus, Service, Unavailable, Why};
use protocol::Contract;
use tokio::sync::{Semaphore, watch};

use crate::change_notifier::ChangeNotifier;
use crate::cluster::Cluster;
use crate::cluster::view::ClusterView;
use crate::delivery_pause::DeliveryPause;
use crate::limits::Limits;
use crate::pins::Pins;
use crate::supervision::ReplicaHandle;
use launch::{Launch, LaunchOptions, launch, launcher};
use stored::StoredReplicas;

/// What a node needs to host groups.
pub struct NodeOptions {
    /// The data directory. Stores of groups are in its subdirectory `groups/`.
    pub data: PathBuf,
    /// The log that all groups of the node share.
    pub log: Arc<store::NodeLog>,
    /// Verifies callers' tokens.
    pub verifier: Arc<token::Verifier>,
    /// Carries consensus messages of groups that are opened while the node is not [connected](Node::connect).
    pub network: Arc<dyn consensus::Network>,
    /// Limits of each group.
    pub limits: Limits,
    /// The cluster's epoch: 1, plus 1 for each restore.
    pub epoch: u64,
    /// Size of sled's cache for each group, in bytes.
    pub cache_bytes: u64,
}

/// A node's groups. It is also the [`group::Placement`] by which its clients find all groups, on this node and others.
pub struct Node {
    pub(crate) options: NodeOptions,
    epoch: AtomicU64,
    heavy: Arc<Semaphore>,
    groups: RwLock<BTreeMap<String, ReplicaHandle>>,
    services: Mutex<BTreeMap<String, Registered>>,
    credentials: OnceLock<Arc<dyn Credentials>>,
    stored: Arc<StoredReplicas>,
    /// Replicas of this node that could not be opened: raft id and reason, by group.
    failed: Mutex<BTreeMap<String, (u64, String)>>,
    /// Serializes the changes to this node's replica of each group.
    group_locks: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// This node's status has changed.
    changes: Arc<ChangeNotifier>,
    /// Routes to groups may have changed.
    route_changes: ChangeNotifier,
    pub(crate) cluster: OnceLock<Cluster>,
    /// Whether outboxes may start deliveries and effects.
    pub(crate) delivery_pause: Arc<DeliveryPause>,
    /// States pinned for backups.
    pub(crate) pins: Pins,
}

/// A service that the cluster has.
struct Registered {
    shards: u16,
    /// Absent when this node cannot host the service.
    launch: Option<Arc<Launch>>,
}

/// Why a group cannot be hosted.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The store failed.
    #[error("the store of {group}: {fault}")]
    Store {
        /// The group.
        group: String,
        /// What failed.
        fault: store::Fault,
    },
    /// The replica could not be started.
    #[error("{group} cannot be started: {why}")]
    Start {
        /// The group.
        group: String,
        /// The reason.
        why: String,
    },
}

impl Node {
    /// Creates a node without groups.
    pub fn new(options: NodeOptions) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let stored = Arc::new(StoredReplicas::new(&options.data));
        Arc::new(Self {
            epoch: AtomicU64::new(options.epoch),
            options,
            heavy: Arc::new(Semaphore::new(cores)),
            groups: RwLock::default(),
            services: Mutex::default(),
            credentials: OnceLock::new(),
            stored,
            failed: Mutex::default(),
            group_locks: Mutex::default(),
            changes: Arc::default(),
            route_changes: ChangeNotifier::default(),
            cluster: OnceLock::new(),
            delivery_pause: Arc::default(),
            pins: Pins::default(),
        })
    }

    /// Sets the cluster's epoch, where it becomes known after the start. Applies to groups that are opened afterwards.
    pub fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A client for all groups.
    pub fn client(self: &Arc<Self>) -> Client {
        Client::new(Arc::<Self>::clone(self))
    }

    /// Sets the source of this node's service tokens. To be called once, before the first group is hosted.
    pub fn set_credentials(&self, credentials: Arc<dyn Credentials>) {
        let _ = self.credentials.set(credentials);
    }

    pub(crate) fn credentials(&self) -> Option<&Arc<dyn Credentials>> {
        self.credentials.get()
    }

    /// Registers a service: its number of shards in the cluster, and how to create it and its effects. Opens nothing.
    pub fn register<S: Service, E: Effects<S>>(
        &self,
        shards: u16,
        make: impl Fn() -> S + Send + Sync + 'static,
        effects: impl Fn(u16) -> E + Send + Sync + 'static,
    ) {
        let launch = Some(launcher::<S, E>(make, effects));
        self.services().insert(<S::Contract as Contract>::SERVICE.to_owned(), Registered { shards, launch });
    }

    /// Registers a service that this node cannot host: its shards are called on other nodes.
    pub fn register_remote(&self, service: &str, shards: u16) {
        let mut services = self.services();
        let launch = services.remove(service).and_then(|registered| registered.launch);
        services.insert(service.to_owned(), Registered { shards, launch });
    }

    /// Opens a group on a single node, with this node's replica as its only voter. In a cluster, use [`Node::open`].
    ///
    /// # Errors
    /// When the store cannot be opened, or the state cannot be read.
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
        self.register_remote(service, shards);
        let options = LaunchOptions::single_node(self, &format!("{service}/{shard}")).await?;
        launch(Arc::clone(self), Arc::new(make), Arc::new(effects), options).await
    }

    fn insert(&self, group: &str, handle: ReplicaHandle) {
        self.groups.write().unwrap_or_else(PoisonError::into_inner).insert(group.to_owned(), handle);
        self.notify();
    }

    /// Removes a replica from the node, and closes it.
    async fn close(&self, group: &str) -> Option<ReplicaHandle> {
        let handle = self.groups.write().unwrap_or_else(PoisonError::into_inner).remove(group)?;
        self.notify();
        handle.close().await;
        Some(handle)
    }

    /// Records that a replica of this node could not be opened. It is announced as quarantined.
    fn set_failed(&self, group: &str, id: u64, why: String) {
        self.failed().insert(group.to_owned(), (id, why));
        self.changes.notify();
    }

    fn clear_failed(&self, group: &str) {
        self.failed().remove(group);
    }

    fn has_failed(&self, group: &str) -> bool {
        self.failed().contains_key(group)
    }

    fn failed(&self) -> MutexGuard<'_, BTreeMap<String, (u64, String)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.changes.notify();
        self.route_changes.notify();
    }

    /// Whether each group of this node has a leader that can be reached.
    pub fn ready(&self) -> bool {
        self.unready_group().is_none()
    }

    /// The first group of this node that has no leader that can be reached, and the reason.
    pub fn unready_group(&self) -> Option<(String, String)> {
        let handles = self.handles();
        let all = handles.iter().map(|(group, handle)| (group, handle.status()));
        let mut unready =
            all.filter_map(|(group, status)| Some((group.clone(), self.unready_reason(&status)?)));
        unready
            .next()
            .or_else(|| self.failed().iter().next().map(|(group, (_, why))| (group.clone(), why.clone())))
    }

    /// Why the group of this node's replica cannot be called, if that is so.
    pub(crate) fn unready_reason(&self, status: &ReplicaStatus) -> Option<String> {
        if let Some(why) = &status.quarantined {
            return Some(format!("quarantined: {why}"));
        }
        let Some(cluster) = self.cluster.get() else {
            return (!status.leader).then(|| "no leader".to_owned());
        };
        // A replica that does not vote is joining or leaving its group: the node is ready without it.
        if !status.voters.values().any(|node| node == &*cluster.name) {
            return None;
        }
        let reachable = |node: &str| node == &*cluster.name || cluster.view().is_live(node);
        if status.leader {
            let voters = status.voters.values().filter(|node| reachable(node)).count();
            return (voters * 2 <= status.voters.len()).then(|| "no majority can be reached".to_owned());
        }
        match &status.led_by {
            Some((id, node)) if *id != status.id && reachable(node) => None,
            Some(_) | None => Some("no leader".to_owned()),
        }
    }

    /// The status of each replica of this node.
    pub fn status(&self) -> Vec<ReplicaStatus> {
        self.measure();
        self.known_status()
    }

    fn measure(&self) {
        self.handles().values().for_each(|handle| handle.measure());
    }

    /// The status of each replica, with the costly parts as measured last.
    fn known_status(&self) -> Vec<ReplicaStatus> {
        let mut all: Vec<ReplicaStatus> = self.handles().values().map(|handle| handle.status()).collect();
        all.extend(self.failed().iter().map(|(group, (id, why))| ReplicaStatus {
            group: group.clone(),
            id: *id,
            quarantined: Some(why.clone()),
            ..ReplicaStatus::default()
        }));
        all.sort_by(|one, other| one.group.cmp(&other.group));
        all
    }

    /// Runs the invariants of each replica. Each violation is prefixed with its group.
    pub fn violations(&self) -> Vec<String> {
        let check = |(group, handle): (&String, &ReplicaHandle)| match handle.violations() {
            Ok(violations) => {
                violations.into_iter().map(|violation| format!("{group}: {violation}")).collect::<Vec<_>>()
            }
            Err(halt) => vec![format!("{group}: {halt}")],
        };
        self.handles().iter().flat_map(check).collect()
    }

    /// Retries or drops a parked outbox row. To be called on the node that leads the group.
    ///
    /// # Errors
    /// When the group is not on this node, or not available.
    pub async fn release_row(&self, group: &str, row: u64, retry: bool) -> Result<(), Unavailable> {
        let handle = self.hosted(group)?;
        handle.release_row(row, retry).await?;
        handle.resume_outbox();
        Ok(())
    }

    /// Releases a group's effects, which wait after a restore. To be called on the node that leads the group.
    ///
    /// # Errors
    /// When the group is not on this node, or not available.
    pub async fn release_effects(&self, group: &str) -> Result<(), Unavailable> {
        let handle = self.hosted(group)?;
        handle.release_effects().await?;
        handle.resume_outbox();
        Ok(())
    }

    fn hosted(&self, group: &str) -> Result<ReplicaHandle, Unavailable> {
        self.handle(group).ok_or_else(|| Unavailable::new(Why::NoService(group.to_owned())))
    }

    /// The cluster view, as it changes. It stays empty on a single node.
    pub fn cluster_view(&self) -> watch::Receiver<Arc<ClusterView>> {
        match self.cluster.get() {
            Some(cluster) => cluster.view.subscribe(),
            None => watch::Sender::new(Arc::default()).subscribe(),
        }
    }

    /// Transfers leadership to other nodes, then closes all replicas and flushes their states.
    pub async fn shutdown(&self) {
        self.transfer_leadership().await;
        self.pins.clear();
        let groups = std::mem::take(&mut *self.groups.write().unwrap_or_else(PoisonError::into_inner));
        futures::future::join_all(groups.values().map(ReplicaHandle::close)).await;
        if let Some(cluster) = self.cluster.get() {
            cluster.stop();
        }
    }

    /// All replicas of this node, by group.
    pub(crate) fn handles(&self) -> BTreeMap<String, ReplicaHandle> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn handle(&self, group: &str) -> Option<ReplicaHandle> {
        self.with_handle(group, ReplicaHandle::clone)
    }

    /// As [`Node::handle`], without a clone. `read` must not block.
    pub(crate) fn with_handle<T>(&self, group: &str, read: impl FnOnce(&ReplicaHandle) -> T) -> Option<T> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).get(group).map(read)
    }

    fn launch_of(&self, group: &str) -> Option<Arc<Launch>> {
        let service = group.split('/').next().unwrap_or_default();
        self.services().get(service).and_then(|registered| registered.launch.clone())
    }

    fn shards_of(&self, service: &str) -> Option<u16> {
        self.services().get(service).map(|registered| registered.shards)
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<String, Registered>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group_lock(&self, group: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.group_locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(group.to_owned()).or_default())
    }
}
