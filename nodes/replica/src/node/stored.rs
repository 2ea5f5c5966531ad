//! Which replicas this node has, stored where a restart finds it: `DATA/replicas.json`.
//!
//! ```text
//! {"format": 1, "replicas": {"reservations/3": {"id": 5082, "start": "join", "lifecycle": "active"}},
//!  "retired": {"auth/0": [77, 9024]}}
//! ```
//! `retired` lists the raft ids of retired replicas, of this node or any other (see [`super::retired`]).
//!
//! The file is written as a whole, synced and renamed: before a replica is created, and after it is deleted. Hence a
//! store on the disk is either listed here, or was not created by this node.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use group::StartMode;
use serde::{Deserialize, Serialize};

use crate::cluster::retired::RetiredReplicas;

const FORMAT: u16 = 1;
const FILE: &str = "replicas.json";
/// Retired ids stored for each group. A recovery adds a handful.
const RETIRED_MAX: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredReplica {
    pub id: u64,
    pub start: StartMode,
    #[serde(alias = "life")]
    pub lifecycle: Lifecycle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lifecycle {
    /// Being created. Its store may not exist yet.
    #[serde(alias = "making")]
    Creating,
    /// In use. Its store exists, unless somebody removed it.
    #[serde(alias = "kept")]
    Active,
    /// Being deleted.
    #[serde(alias = "dropping")]
    Deleting,
    /// Becoming the only voter of its group, under this id.
    #[serde(alias = "refounding")]
    Recovering(u64),
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct StoredFile {
    format: u16,
    replicas: BTreeMap<String, StoredReplica>,
    #[serde(default, alias = "voids", skip_serializing_if = "RetiredReplicas::is_empty")]
    retired: RetiredReplicas,
}

/// The file, and its content once it was read.
pub(crate) struct StoredReplicas {
    path: PathBuf,
    content: Mutex<Option<StoredFile>>,
}

impl StoredReplicas {
    pub fn new(data: &Path) -> Self {
        Self { path: data.join(FILE), content: Mutex::new(None) }
    }

    /// All replicas, by group.
    pub fn all(&self) -> io::Result<BTreeMap<String, StoredReplica>> {
        let mut content = self.lock();
        Ok(self.loaded(&mut content)?.replicas.clone())
    }

    pub fn retired(&self) -> io::Result<RetiredReplicas> {
        let mut content = self.lock();
        Ok(self.loaded(&mut content)?.retired.clone())
    }

    /// Adds retired replicas. Returns all of them if any was new. They are on disk when this returns.
    pub fn add_retired(&self, more: &RetiredReplicas) -> io::Result<Option<RetiredReplicas>> {
        let mut content = self.lock();
        let mut changed = self.loaded(&mut content)?.clone();
        let mut added = false;
        for (group, ids) in more {
            let stored = changed.retired.entry(group.clone()).or_default();
            let before = stored.len();
            stored.extend(ids.iter().take(RETIRED_MAX.saturating_sub(before)));
            added |= stored.len() > before;
        }
        if !added {
            return Ok(None);
        }
        self.write(&changed)?;
        let retired = changed.retired.clone();
        *content = Some(changed);
        Ok(Some(retired))
    }

    /// The replica of `group`.
    pub fn get(&self, group: &str) -> io::Result<Option<StoredReplica>> {
        let mut content = self.lock();
        Ok(self.loaded(&mut content)?.replicas.get(group).copied())
    }

    /// Sets or removes the replica of `group`. The change is on disk when this returns.
    pub fn set(&self, group: &str, replica: Option<StoredReplica>) -> io::Result<()> {
        let mut content = self.lock();
        let mut changed = self.loaded(&mut content)?.clone();
        let before = match replica {
            Some(replica) => changed.replicas.insert(group.to_owned(), replica),
            None => changed.replicas.remove(group),
        };
        if before != replica {
            self.write(&changed)?;
            *content = Some(changed);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<StoredFile>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded<'a>(&self, content: &'a mut Option<StoredFile>) -> io::Result<&'a StoredFile> {
        if content.is_none() {
            let written = match fs::read(&self.path) {
                Ok(text) => serde_json::from_slice::<StoredFile>(&text).map_err(io::Error::other)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => StoredFile::default(),
                Err(error) => return Err(error),
            };
            if written.format > FORMAT {
                let why = format!("{} was written by a newer version", self.path.display());
                return Err(io::Error::other(why));
            }
            *content = Some(written);
        }
        content.as_ref().ok_or_else(|| io::Error::other("the file was not read"))
    }

    fn write(&self, content: &StoredFile) -> io::Result<()> {
        let written = StoredFile { format: FORMAT, ..content.clone() };
        let temporary = self.path.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(&written).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_replicas_are_read_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let first = StoredReplica { id: 7, start: StartMode::Bootstrap, lifecycle: Lifecycle::Active };
        let second =
            StoredReplica { id: u64::MAX, start: StartMode::Join, lifecycle: Lifecycle::Recovering(9) };
        let replicas = StoredReplicas::new(data.path());
        assert_eq!(replicas.all().unwrap(), BTreeMap::new());
        replicas.set("till/0", Some(first)).unwrap();
        replicas.set("till/1", Some(second)).unwrap();
        let again = StoredReplicas::new(data.path());
        assert_eq!(again.get("till/0").unwrap(), Some(first));
        assert_eq!(again.get("till/1").unwrap(), Some(second));
        let retired =
            |ids: &[u64]| RetiredReplicas::from([("till/0".to_owned(), ids.iter().copied().collect())]);
        assert_eq!(again.add_retired(&retired(&[5, 6])).unwrap(), Some(retired(&[5, 6])));
        assert_eq!(again.add_retired(&retired(&[6])).unwrap(), None, "no id is new");
        assert_eq!(again.add_retired(&retired(&[7])).unwrap(), Some(retired(&[5, 6, 7])));
        again.set("till/0", None).unwrap();
        assert_eq!(StoredReplicas::new(data.path()).retired().unwrap(), retired(&[5, 6, 7]));
        assert_eq!(
            StoredReplicas::new(data.path()).all().unwrap(),
            BTreeMap::from([("till/1".to_owned(), second)])
        );
    }

    #[test]
    fn the_names_that_earlier_versions_wrote_are_read() {
        let data = tempfile::tempdir().unwrap();
        let written = r#"{"format": 1, "replicas": {
            "till/0": {"id": 7, "start": "found", "life": "making"},
            "till/1": {"id": 8, "start": "join", "life": "kept"},
            "till/2": {"id": 9, "start": "join", "life": {"refounding": 10}}
        }, "voids": {"till/3": [77]}}"#;
        fs::write(data.path().join(FILE), written).unwrap();
        let replicas = StoredReplicas::new(data.path());
        let expected = [
            StoredReplica { id: 7, start: StartMode::Bootstrap, lifecycle: Lifecycle::Creating },
            StoredReplica { id: 8, start: StartMode::Join, lifecycle: Lifecycle::Active },
            StoredReplica { id: 9, start: StartMode::Join, lifecycle: Lifecycle::Recovering(10) },
        ];
        assert_eq!(replicas.all().unwrap().into_values().collect::<Vec<_>>(), expected);
        assert_eq!(replicas.retired().unwrap(), RetiredReplicas::from([("till/3".to_owned(), [77].into())]));
    }

    #[test]
    fn a_file_of_a_newer_version_is_not_overwritten() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), r#"{"format": 2, "replicas": {}}"#).unwrap();
        assert!(StoredReplicas::new(data.path()).set("till/0", None).is_err());
    }
}
