//! The data directory: the node that it belongs to, and the metadata that was fixed when it was created.
//!
//! ```text
//! DATA/lock            held by the process that uses the directory
//! DATA/pid             the id of that process, while it runs
//! DATA/cluster.key     the secret that all other keys are derived from (0600); in no backup
//! DATA/node.json       the metadata ([`NodeMetadata`])
//! DATA/admin.json      the administrator's client (0600)
//! DATA/log/            the log that all groups share
//! DATA/groups/GROUP/   one store for each group
//! DATA/bank/           the sandbox bank's store
//! DATA/outbox/         mails, if no SMTP server is configured
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use store::DirLock;
use token::ClusterKey;

use crate::files::write_private;
use crate::settings::{Bank, Settings};

/// The node name of a single node.
pub const SINGLE_NODE_NAME: &str = "n1";

/// A data directory that belongs to this process.
pub struct DataDir {
    pub path: PathBuf,
    /// The cluster key, from which all other keys are derived.
    pub key: ClusterKey,
    metadata: Mutex<NodeMetadata>,
    _lock: DirLock,
}

/// The content of `node.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMetadata {
    /// The version of this format.
    pub format: u16,
    /// Starts at 1 and grows by 1 with each restore, which distinguishes outbox rows from those before the restore.
    pub epoch: u64,
    /// Shards of each service.
    pub shards: BTreeMap<String, u16>,
    pub bank: Bank,
    /// Whether the administrator and the first signing key were created.
    pub set_up: bool,
    /// Whether the demo hotels were loaded, or declined with `--no-demo`.
    pub demo_settled: bool,
    /// Whether outbox effects of a restored store are paused until an operator releases them.
    pub effects_held: bool,
    /// Whether the sessions of a restored store are still to be ended.
    pub sessions_to_end: bool,
    pub made_at: Timestamp,
    /// Whether the stores were restored from an archive and have not been started yet. There is no log then.
    #[serde(default)]
    pub restored: bool,
    /// The fingerprint of the cluster key that the stores were written with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
    /// The node's place in its cluster; `None` for a single node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<ClusterNodeMetadata>,
}

/// The metadata of a cluster's node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterNodeMetadata {
    pub cluster: String,
    pub name: String,
    /// The node id of its certificate.
    pub id: u64,
    /// The address of the node's edge from this machine. Written at each start, for commands that read this directory.
    pub url: String,
    /// Whether the node has joined an initialised cluster: epoch, shards and bank are then the cluster's.
    pub joined: bool,
}

/// The format of directories that this program reads and writes.
const FORMAT: u16 = 2;
const NODE_FILE: &str = "node.json";

impl DataDir {
    /// Opens the directory of a single node, and creates it if it is missing.
    ///
    /// # Errors
    /// When another process holds the lock, the directory cannot be written, or the settings contradict the metadata.
    pub fn open(path: &Path, settings: &Settings, bank: Bank) -> anyhow::Result<Self> {
        let lock = lock(path)?;
        let metadata = read(path)?;
        let key_file = path.join("cluster.key");
        if metadata.is_some() && !key_file.exists() {
            bail!("{}", missing_key(&key_file));
        }
        let key = ClusterKey::load_or_create(&key_file).context("the cluster key")?;
        let metadata = match metadata {
            Some(NodeMetadata { node: Some(node), .. }) => bail!(
                "{} belongs to node {} of the cluster {}: start it with `auberge node`",
                path.display(),
                node.name,
                node.cluster
            ),
            Some(metadata) => {
                check_settings(&metadata, settings, bank)?;
                NodeMetadata { restored: false, ..metadata }
            }
            None => NodeMetadata::new(settings, bank),
        };
        Self::create(path, key, metadata, lock)
    }

    /// Opens the directory of a cluster's node, and creates it if it is missing.
    ///
    /// # Errors
    /// As [`DataDir::open`], and when the directory belongs to another node.
    pub fn open_node(
        path: &Path,
        settings: &Settings,
        bank: Bank,
        node: ClusterNodeMetadata,
    ) -> anyhow::Result<Self> {
        let lock = lock_with_retry(path)?;
        let key = ClusterKey::load(&path.join("cluster.key")).context("the cluster key")?;
        let metadata = match read(path)? {
            Some(metadata) => {
                let joined = same_node(path, &metadata, &node)?.joined;
                if joined {
                    check_settings(&metadata, settings, bank)?;
                }
                let fixed = joined || metadata.restored;
                let shards = if fixed { metadata.shards } else { settings.shards() };
                NodeMetadata { shards, node: Some(ClusterNodeMetadata { joined, ..node }), ..metadata }
            }
            None => NodeMetadata { node: Some(node), ..NodeMetadata::new(settings, bank) },
        };
        Self::create(path, key, metadata, lock)
    }

    fn create(path: &Path, key: ClusterKey, metadata: NodeMetadata, lock: DirLock) -> anyhow::Result<Self> {
        metadata.check_key(&key).with_context(|| format!("the cluster key of {}", path.display()))?;
        let metadata = NodeMetadata { key_fingerprint: Some(key.fingerprint()), ..metadata };
        let dir = Self { path: path.to_owned(), key, metadata: Mutex::new(metadata), _lock: lock };
        dir.update_metadata(|_| ())?;
        write_private(&path.join("pid"), format!("{}\n", std::process::id()).as_bytes())?;
        Ok(dir)
    }

    pub fn metadata(&self) -> NodeMetadata {
        self.lock_metadata().clone()
    }

    pub fn node_name(&self) -> String {
        self.lock_metadata()
            .node
            .as_ref()
            .map_or_else(|| SINGLE_NODE_NAME.to_owned(), |node| node.name.clone())
    }

    /// Changes the metadata, and syncs it to disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn update_metadata(&self, change: impl FnOnce(&mut NodeMetadata)) -> anyhow::Result<()> {
        let mut metadata = self.lock_metadata();
        let mut changed = metadata.clone();
        change(&mut changed);
        write_private(&self.path.join(NODE_FILE), &serde_json::to_vec_pretty(&changed)?)?;
        *metadata = changed;
        Ok(())
    }

    fn lock_metadata(&self) -> MutexGuard<'_, NodeMetadata> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path.join("pid"));
    }
}

impl NodeMetadata {
    fn new(settings: &Settings, bank: Bank) -> Self {
        Self {
            format: FORMAT,
            epoch: 1,
            shards: settings.shards(),
            bank,
            set_up: false,
            demo_settled: false,
            effects_held: false,
            sessions_to_end: false,
            made_at: Timestamp::wall_clock(),
            restored: false,
            key_fingerprint: None,
            node: None,
        }
    }

    /// Checks that the stores of this directory were written with `key`.
    ///
    /// # Errors
    /// When they were written with another one.
    pub fn check_key(&self, key: &ClusterKey) -> anyhow::Result<()> {
        match &self.key_fingerprint {
            Some(expected) if *expected != key.fingerprint() => bail!(
                "this is not the cluster key that the data was written with (its fingerprint is {}, not {expected}): put the \
                 right `cluster.key` back",
                key.fingerprint()
            ),
            Some(_) | None => Ok(()),
        }
    }
}

/// The error of a data directory without its cluster key.
pub fn missing_key(file: &Path) -> String {
    format!(
        "{} is missing, and the data cannot be read without it: put it back from the safe copy (mode 0600)",
        file.display()
    )
}

fn lock(path: &Path) -> anyhow::Result<DirLock> {
    store::lock(path).map_err(|fault| anyhow::anyhow!("{fault}"))
}

/// Waits up to a second for the lock: a process that was just killed may still hold it.
fn lock_with_retry(path: &Path) -> anyhow::Result<DirLock> {
    for _ in 0..20 {
        if let Ok(lock) = lock(path) {
            return Ok(lock);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    lock(path)
}

/// Reads `path/node.json`, if there is one.
///
/// # Errors
/// When it cannot be read, or there are stores without it.
pub fn read(path: &Path) -> anyhow::Result<Option<NodeMetadata>> {
    let file = path.join(NODE_FILE);
    if file.exists() {
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let metadata = serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        check_format(&metadata).with_context(|| path.display().to_string())?;
        return Ok(Some(metadata));
    }
    if path.join("groups").exists() {
        // A first start writes the metadata before it creates a store, a restore after it has created all stores.
        bail!(
            "{} has stores but no node.json: a restore did not finish; empty the directory and restore again",
            path.display()
        );
    }
    Ok(None)
}

/// Checks that the directory belongs to this node. A directory never changes its node: another node would lose the votes
/// that this one has given.
fn same_node<'a>(
    path: &Path,
    metadata: &'a NodeMetadata,
    node: &'a ClusterNodeMetadata,
) -> anyhow::Result<&'a ClusterNodeMetadata> {
    let place = path.display();
    let Some(before) = &metadata.node else {
        if metadata.restored {
            return Ok(node);
        }
        bail!(
            "{place} was created by `auberge serve`: create a backup of it, and restore that into the directory of a new node"
        );
    };
    if before.cluster != node.cluster {
        bail!("{place} belongs to the cluster {}, not to {}", before.cluster, node.cluster);
    }
    if before.name != node.name {
        bail!("{place} belongs to node {}, not to {}", before.name, node.name);
    }
    if before.id != node.id {
        bail!(
            "{place} belongs to an earlier node {} (id {}; the certificate says {}): give the new one an empty directory",
            node.name,
            before.id,
            node.id
        );
    }
    Ok(before)
}

/// Checks that this program reads the format.
///
/// # Errors
/// When another version wrote it.
pub fn check_format(metadata: &NodeMetadata) -> anyhow::Result<()> {
    if metadata.format > FORMAT {
        bail!("the data was written by a newer version of auberge (format {})", metadata.format);
    }
    if metadata.format < FORMAT {
        bail!(
            "the data was written by a build before the first release (format {}, this build has {FORMAT}): name an \
             empty one with --data",
            metadata.format
        );
    }
    Ok(())
}

/// Checks the settings against the metadata. The number of shards is fixed when a store is created, because it decides where
/// rows are stored.
///
/// # Errors
/// When the settings contradict the metadata.
pub fn check_settings(metadata: &NodeMetadata, settings: &Settings, bank: Bank) -> anyhow::Result<()> {
    for (name, service) in &settings.services {
        if let Some(shards) = metadata.shards.get(name).filter(|shards| **shards != service.shards) {
            bail!(
                "{name} has {shards} shards in this store, and their number cannot change; the settings have {}",
                service.shards
            );
        }
    }
    if metadata.bank != bank {
        bail!(
            "this store was created with another bank ({:?}); the bank of a store cannot change",
            metadata.bank
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_other_formats_are_refused() {
        for (format, message) in [(FORMAT - 1, "before the first release"), (FORMAT + 1, "a newer version")] {
            let metadata = NodeMetadata { format, ..NodeMetadata::new(&Settings::default(), Bank::Sandbox) };
            let why = check_format(&metadata).unwrap_err().to_string();
            assert!(why.contains(message), "{why}");
        }
        check_format(&NodeMetadata::new(&Settings::default(), Bank::Sandbox)).unwrap();
    }
}
