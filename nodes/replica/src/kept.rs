//! Which replicas this node has, kept where a restart finds it: `DATA/replicas.json`.
//!
//! ```text
//! {"format": 1, "replicas": {"reservations/3": {"id": 5082, "start": "join", "life": "kept"}},
//!  "voids": {"auth/0": [77, 9024]}}
//! ```
//! `voids` are raft ids, of this node or any other, whose groups were founded anew without them.
//!
//! Written whole, synced and renamed: before a replica is made, and after it is gone. So what lies on the disk is either
//! told of here, or was made by somebody else.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::void::Voids;

const FORMAT: u16 = 1;
const FILE: &str = "replicas.json";
/// Void ids that are kept for each group. A recovery adds a handful.
const VOIDS_MAX: usize = 4096;

/// How a replica begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// As the only voter of a new group.
    Found,
    /// It waits until the group's leader speaks to it.
    Join,
}

/// One replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub id: u64,
    pub start: Start,
    pub life: Life,
}

/// What is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Life {
    /// It is being made: there may be nothing of it yet.
    Making,
    /// It stays. Its state is there: where it is not, somebody took it away.
    Kept,
    /// It is being deleted.
    Dropping,
    /// It becomes the only voter of its group, under this id.
    Refounding(u64),
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Written {
    format: u16,
    replicas: BTreeMap<String, Kept>,
    #[serde(default, skip_serializing_if = "Voids::is_empty")]
    voids: Voids,
}

/// See the module.
pub(crate) struct Replicas {
    path: PathBuf,
    known: Mutex<Option<Written>>,
}

impl Replicas {
    pub fn new(data: &Path) -> Self {
        Self { path: data.join(FILE), known: Mutex::new(None) }
    }

    /// All of them.
    pub fn all(&self) -> io::Result<BTreeMap<String, Kept>> {
        let mut known = self.lock();
        Ok(self.loaded(&mut known)?.replicas.clone())
    }

    /// Raft ids that count no more, by group.
    pub fn voids(&self) -> io::Result<Voids> {
        let mut known = self.lock();
        Ok(self.loaded(&mut known)?.voids.clone())
    }

    /// Adds to these. Brings all of them, if any is new; on disk when this returns.
    pub fn add_voids(&self, more: &Voids) -> io::Result<Option<Voids>> {
        let mut known = self.lock();
        let mut changed = self.loaded(&mut known)?.clone();
        let mut news = false;
        for (group, ids) in more {
            let kept = changed.voids.entry(group.clone()).or_default();
            let before = kept.len();
            kept.extend(ids.iter().take(VOIDS_MAX.saturating_sub(before)));
            news |= kept.len() > before;
        }
        if !news {
            return Ok(None);
        }
        self.write(&changed)?;
        let voids = changed.voids.clone();
        *known = Some(changed);
        Ok(Some(voids))
    }

    /// The one of `group`.
    pub fn get(&self, group: &str) -> io::Result<Option<Kept>> {
        let mut known = self.lock();
        Ok(self.loaded(&mut known)?.replicas.get(group).copied())
    }

    /// Sets or removes the one of `group`; on disk when this returns.
    pub fn set(&self, group: &str, kept: Option<Kept>) -> io::Result<()> {
        let mut known = self.lock();
        let mut changed = self.loaded(&mut known)?.clone();
        let before = match kept {
            Some(kept) => changed.replicas.insert(group.to_owned(), kept),
            None => changed.replicas.remove(group),
        };
        if before != kept {
            self.write(&changed)?;
            *known = Some(changed);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Written>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded<'a>(&self, known: &'a mut Option<Written>) -> io::Result<&'a Written> {
        if known.is_none() {
            let written = match fs::read(&self.path) {
                Ok(text) => serde_json::from_slice::<Written>(&text).map_err(io::Error::other)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Written::default(),
                Err(error) => return Err(error),
            };
            if written.format > FORMAT {
                let why = format!("{} is of a newer program", self.path.display());
                return Err(io::Error::other(why));
            }
            *known = Some(written);
        }
        known.as_ref().ok_or_else(|| io::Error::other("unread"))
    }

    fn write(&self, known: &Written) -> io::Result<()> {
        let written = Written { format: FORMAT, ..known.clone() };
        let beside = self.path.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&written).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again() {
        let data = tempfile::tempdir().unwrap();
        let first = Kept { id: 7, start: Start::Found, life: Life::Kept };
        let second = Kept { id: u64::MAX, start: Start::Join, life: Life::Refounding(9) };
        let replicas = Replicas::new(data.path());
        assert_eq!(replicas.all().unwrap(), BTreeMap::new());
        replicas.set("till/0", Some(first)).unwrap();
        replicas.set("till/1", Some(second)).unwrap();
        let again = Replicas::new(data.path());
        assert_eq!(again.get("till/0").unwrap(), Some(first));
        assert_eq!(again.get("till/1").unwrap(), Some(second));
        let voids = |ids: &[u64]| Voids::from([("till/0".to_owned(), ids.iter().copied().collect())]);
        assert_eq!(again.add_voids(&voids(&[5, 6])).unwrap(), Some(voids(&[5, 6])));
        assert_eq!(again.add_voids(&voids(&[6])).unwrap(), None, "nothing new");
        assert_eq!(again.add_voids(&voids(&[7])).unwrap(), Some(voids(&[5, 6, 7])));
        again.set("till/0", None).unwrap();
        assert_eq!(Replicas::new(data.path()).voids().unwrap(), voids(&[5, 6, 7]));
        assert_eq!(
            Replicas::new(data.path()).all().unwrap(),
            BTreeMap::from([("till/1".to_owned(), second)])
        );
    }

    #[test]
    fn a_file_of_a_newer_program_is_left_alone() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), r#"{"format": 2, "replicas": {}}"#).unwrap();
        assert!(Replicas::new(data.path()).set("till/0", None).is_err());
    }
}
