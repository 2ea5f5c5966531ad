//! What a replica has on this node's disk: its store in `DATA/groups/`, its entries in the shared log, and its record
//! in `DATA/replicas.json`.

use std::path::PathBuf;
use std::sync::Arc;

use store::{Fault, Record, State};
use tokio::sync::oneshot;

use super::stored::StoredReplica;
use super::{HostError, Node};

/// Ids are below this, so that JSON parsers which read numbers as doubles read them exactly.
const ID_LIMIT: u64 = 1 << 53;

/// What the disk has of a group that `replicas.json` does not list.
pub(super) enum Unlisted {
    Nothing,
    /// Rows without a replica's identity, which a restore has put there.
    RestoredRows,
    /// The store or the log of a replica.
    Replica,
}

impl Node {
    pub(super) async fn unlisted_data(&self, group: &str) -> Result<Unlisted, HostError> {
        if self.options.log.contains_group(group) {
            return Ok(Unlisted::Replica);
        }
        if !self.path_of(group).exists() {
            return Ok(Unlisted::Nothing);
        }
        let state = self.open_state(group).await?;
        Ok(match self.identity(group, &state).await? {
            Some(_) => Unlisted::Replica,
            None => Unlisted::RestoredRows,
        })
    }

    /// The raft id of the replica to which a state belongs.
    pub(super) async fn identity(
        &self,
        group: &str,
        state: &Arc<dyn State>,
    ) -> Result<Option<u64>, HostError> {
        let state = Arc::clone(state);
        let read = tokio::task::spawn_blocking(move || consensus::replica_id(&*state));
        read.await.unwrap_or_else(|_| Err(panicked())).map_err(|fault| HostError::store(group, fault))
    }

    /// Deletes all that a closed replica has on the disk, and its record last.
    pub(super) async fn delete_files(&self, group: &str) -> Result<(), HostError> {
        // Renamed first, so that a crash does not leave a part of the store under the group's name.
        let (path, trash) =
            (self.path_of(group), self.groups_dir().join(format!(".gone-{:016x}", generate_id())));
        let deleted = tokio::task::spawn_blocking(move || match std::fs::rename(&path, &trash) {
            Ok(()) => std::fs::remove_dir_all(&trash),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        });
        let deleted = deleted.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        deleted.map_err(|error| HostError::io(group, &error))?;
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.options.log.submit(&group.into(), Record::Drop, Some(done));
        let dropped = receiver.await.unwrap_or_else(|_| Err(Fault::Io("the log was closed".to_owned())));
        dropped.map_err(|fault| HostError::store(group, fault))?;
        self.clear_failed(group);
        self.store_replica(group, None).await?;
        self.changes.notify();
        Ok(())
    }

    pub(super) async fn open_state(&self, group: &str) -> Result<Arc<dyn State>, HostError> {
        let (path, cache_bytes) = (self.path_of(group), self.options.cache_bytes);
        let opened = tokio::task::spawn_blocking(move || store::Disk::open(&path, cache_bytes)).await;
        let opened = opened.unwrap_or_else(|_| Err(panicked()));
        Ok(Arc::new(opened.map_err(|fault| HostError::store(group, fault))?))
    }

    fn groups_dir(&self) -> PathBuf {
        self.options.data.join("groups")
    }

    pub(super) fn path_of(&self, group: &str) -> PathBuf {
        self.groups_dir().join(group.replace('/', "-"))
    }

    pub(super) fn stored_replica(&self, group: &str) -> Result<Option<StoredReplica>, HostError> {
        self.stored.get(group).map_err(|error| HostError::io(group, &error))
    }

    pub(super) async fn store_replica(
        &self,
        group: &str,
        replica: Option<StoredReplica>,
    ) -> Result<(), HostError> {
        let (stored, name) = (Arc::clone(&self.stored), group.to_owned());
        let written = tokio::task::spawn_blocking(move || stored.set(&name, replica)).await;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        written.map_err(|error| HostError::io(group, &error))
    }
}

impl HostError {
    pub(super) fn store(group: &str, fault: Fault) -> Self {
        Self::Store { group: group.to_owned(), fault }
    }

    pub(super) fn io(group: &str, error: &std::io::Error) -> Self {
        Self::store(group, Fault::Io(error.to_string()))
    }
}

/// A random raft id. 1 is reserved for single nodes.
pub(super) fn generate_id() -> u64 {
    rand::random_range(2..ID_LIMIT)
}

fn panicked() -> Fault {
    Fault::Io("opening a store panicked".to_owned())
}
