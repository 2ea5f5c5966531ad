//! Creates, opens, deletes and recovers the replicas of this node.

use std::sync::Arc;

use group::StartMode;

use super::files::{Unlisted, generate_id};
use super::launch::LaunchOptions;
use super::stored::{Lifecycle, StoredReplica};
use super::{HostError, Node, retired};
use crate::cluster::transport::LinkTransport;

/// Why a replica is not opened whose store was removed: as a voter it would break the votes it gave.
const STATE_MISSING: &str = "its state is missing, and with it the votes it gave: delete the replica";

impl Node {
    /// Opens this node's replica of a group, and returns its raft id: a new one, unless the node has a replica already.
    /// The service must be [registered](Node::register), and the node [connected](Node::connect).
    ///
    /// # Errors
    /// When the replica cannot be created, or the disk has a store of the group that this node did not create.
    pub async fn open(self: &Arc<Self>, group: &str, start: StartMode) -> Result<u64, HostError> {
        self.change_replica(group, move |node, group| async move { node.open_locked(&group, start).await })
            .await
    }

    /// Opens all replicas of this node. Returns the errors of those that could not be opened, which are announced as
    /// quarantined.
    ///
    /// # Errors
    /// When the list of replicas cannot be read.
    pub async fn reopen_all(self: &Arc<Self>) -> Result<Vec<HostError>, HostError> {
        let all = self.stored.all().map_err(|error| HostError::io("replicas.json", &error))?;
        let opening = all.iter().map(|(group, stored)| {
            let stored = *stored;
            self.change_replica(
                group,
                move |node, group| async move { node.reopen_locked(&group, stored).await },
            )
        });
        let opened = futures::future::join_all(opening).await;
        Ok(opened.into_iter().filter_map(Result::err).collect())
    }

    /// Closes this node's replica with this id, and deletes its data. Does nothing if it is deleted already, also when
    /// the node has another replica of the group since.
    ///
    /// # Errors
    /// When files cannot be deleted.
    pub async fn delete_replica(self: &Arc<Self>, group: &str, id: u64) -> Result<(), HostError> {
        self.change_replica(group, move |node, group| async move { node.delete_locked(&group, id).await })
            .await
    }

    /// Makes this node's replica the only voter of its group, under a new raft id, which is returned: for a group that
    /// has lost its majority for good. [`consensus::recover_as_sole_voter`] tells what that means.
    ///
    /// # Errors
    /// When the node has no replica of the group, or it cannot be opened.
    pub async fn recover(self: &Arc<Self>, group: &str) -> Result<u64, HostError> {
        self.change_replica(group, |node, group| async move { node.recover_locked(&group).await }).await
    }

    /// Runs a change to this node's replica of a group: one change of a group at a time, and to its end even when the
    /// caller stops waiting. Half a change could leave a store open that no one closes.
    pub(super) async fn change_replica<T, F>(
        self: &Arc<Self>,
        group: &str,
        change: impl FnOnce(Arc<Self>, String) -> F + Send + 'static,
    ) -> Result<T, HostError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, HostError>> + Send,
    {
        let (node, group) = (Arc::clone(self), group.to_owned());
        let name = group.clone();
        let changing = tokio::spawn(async move {
            let lock = node.group_lock(&group);
            let _locked = lock.lock().await;
            change(node, group).await
        });
        let failed = |error: tokio::task::JoinError| HostError::Start { group: name, why: error.to_string() };
        changing.await.map_err(failed)?
    }

    async fn open_locked(self: &Arc<Self>, group: &str, start: StartMode) -> Result<u64, HostError> {
        if let Some(id) = self.with_handle(group, |handle| handle.id) {
            return Ok(id);
        }
        match self.stored_replica(group)? {
            Some(StoredReplica { lifecycle: Lifecycle::Deleting, .. }) => self.delete_files(group).await?,
            Some(stored) => return self.start_stored(group, stored).await,
            None => {}
        }
        let lifecycle = match (self.unlisted_data(group).await?, start) {
            (Unlisted::Nothing, _) => Lifecycle::Creating,
            // The new group starts with the rows that a restore has put there.
            (Unlisted::RestoredRows, StartMode::Bootstrap) => Lifecycle::Recovering(generate_id()),
            (Unlisted::RestoredRows, StartMode::Join) | (Unlisted::Replica, _) => {
                let why =
                    "the data directory has a store of this group that this node did not create".to_owned();
                return Err(HostError::Start { group: group.to_owned(), why });
            }
        };
        let stored = StoredReplica { id: generate_id(), start, lifecycle };
        self.store_replica(group, Some(stored)).await?;
        self.start_stored(group, stored).await
    }

    async fn reopen_locked(self: &Arc<Self>, group: &str, stored: StoredReplica) -> Result<(), HostError> {
        if self.handle(group).is_some() {
            return Ok(());
        }
        match stored.lifecycle {
            Lifecycle::Deleting => self.delete_files(group).await,
            Lifecycle::Creating | Lifecycle::Active | Lifecycle::Recovering(_) => {
                self.start_stored(group, stored).await.map(drop)
            }
        }
    }

    async fn delete_locked(self: &Arc<Self>, group: &str, id: u64) -> Result<(), HostError> {
        let Some(stored) = self.stored_replica(group)?.filter(|stored| stored.id == id) else {
            return Ok(());
        };
        self.store_replica(group, Some(StoredReplica { lifecycle: Lifecycle::Deleting, ..stored })).await?;
        self.close_and_wait(group).await;
        self.delete_files(group).await?;
        tracing::info!(group, id, "a replica was deleted");
        Ok(())
    }

    async fn recover_locked(self: &Arc<Self>, group: &str) -> Result<u64, HostError> {
        let missing =
            || HostError::Start { group: group.to_owned(), why: "this node has no replica of it".to_owned() };
        let stored = self.stored_replica(group)?.ok_or_else(missing)?;
        if stored.lifecycle == Lifecycle::Deleting {
            return Err(missing());
        }
        tracing::warn!(group, id = stored.id, "recovering the group from this replica alone");
        let old = self.observed_ids(group, stored.id);
        let stored = StoredReplica { lifecycle: Lifecycle::Recovering(generate_id()), ..stored };
        self.store_replica(group, Some(stored)).await?;
        // From here on, no other observed replica is a member of the group.
        self.retire(group, old).await?;
        self.close_and_wait(group).await;
        self.start_stored(group, stored).await
    }

    /// Starts a stored replica, and returns its raft id. A failure is announced as quarantine.
    async fn start_stored(
        self: &Arc<Self>,
        group: &str,
        mut stored: StoredReplica,
    ) -> Result<u64, HostError> {
        let started = self.try_start(group, &mut stored).await;
        match &started {
            Ok(()) => {
                self.clear_failed(group);
                self.changes.notify();
            }
            Err(error) => self.set_failed(group, stored.id, error.to_string()),
        }
        started.map(|()| stored.id)
    }

    async fn try_start(self: &Arc<Self>, group: &str, stored: &mut StoredReplica) -> Result<(), HostError> {
        let failed = |why: &str| HostError::Start { group: group.to_owned(), why: why.to_owned() };
        let cluster = self.cluster.get().ok_or_else(|| failed("the node is not connected"))?;
        let launch = self.launch_of(group).ok_or_else(|| failed("the service is not registered"))?;
        let shard = group.rsplit('/').next().and_then(|shard| shard.parse().ok());
        let shard = shard.ok_or_else(|| failed("the name of the group is invalid"))?;
        let own = consensus::RaftNode { node: cluster.name.to_string() };
        match stored.lifecycle {
            Lifecycle::Creating | Lifecycle::Active if self.is_retired(group, stored.id)? => {
                return Err(failed(retired::REASON));
            }
            Lifecycle::Creating | Lifecycle::Active | Lifecycle::Deleting | Lifecycle::Recovering(_) => {}
        }
        if stored.lifecycle == Lifecycle::Active && !self.path_of(group).exists() {
            return Err(failed(STATE_MISSING));
        }
        let state = self.open_state(group).await?;
        match stored.lifecycle {
            Lifecycle::Creating | Lifecycle::Deleting => {}
            // An empty store must not be taken for that of the old voter, which has given votes.
            Lifecycle::Active if self.identity(group, &state).await?.is_none() => {
                return Err(failed(STATE_MISSING));
            }
            Lifecycle::Active => {}
            Lifecycle::Recovering(id) => {
                let recovered = consensus::recover_as_sole_voter(
                    &group.into(),
                    id,
                    own.clone(),
                    &self.options.log,
                    &state,
                    &group::engine::Entry::skip_rows(),
                )
                .await;
                let old_members = recovered.map_err(|error| failed(&error.to_string()))?;
                // Before the replica leads, so that every node that learns of the new leader learns of these.
                self.retire(group, old_members).await?;
                *stored = StoredReplica { id, start: StartMode::Join, lifecycle: Lifecycle::Active };
                self.store_replica(group, Some(*stored)).await?;
            }
        }
        let mut options = consensus::Options::new(group, stored.id);
        options.settings = cluster.settings(&self.options.limits);
        let bootstrap = match stored.start {
            StartMode::Bootstrap => Some([(stored.id, own)].into()),
            StartMode::Join => None,
        };
        let network: Arc<dyn consensus::Network> = Arc::<LinkTransport>::clone(&cluster.transport);
        launch(Arc::clone(self), shard, LaunchOptions { options, state, network, bootstrap }).await?;
        let consensus = self.with_handle(group, |handle| handle.consensus()).flatten();
        let Some(status) = consensus.map(|consensus| consensus.status()) else { return Ok(()) };
        let created = stored.start == StartMode::Join || !status.voters.is_empty();
        if stored.lifecycle == Lifecycle::Creating && created {
            // A group is initialized once: later starts of this replica join it.
            *stored = StoredReplica { start: StartMode::Join, lifecycle: Lifecycle::Active, ..*stored };
            self.store_replica(group, Some(*stored)).await?;
        }
        Ok(())
    }

    /// Closes a replica, and waits until its store is closed: readers must not write into the store that replaces it.
    pub(super) async fn close_and_wait(&self, group: &str) {
        self.clear_failed(group);
        if let Some(handle) = self.close(group).await {
            handle.released().await;
        }
    }
}
