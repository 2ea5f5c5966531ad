//! The data directory: whose it is, and what was fixed when it was made.
//!
//! ```text
//! DATA/lock            one process at a time
//! DATA/pid             which process, while it runs
//! DATA/cluster.key     the secret that all others are derived from (0600); in no backup
//! DATA/node.json       what was fixed at the first start
//! DATA/admin.json      the administrator's client (0600)
//! DATA/log/            the log that all groups share
//! DATA/groups/GROUP/   one store a group
//! DATA/bank/           the sandbox bank's own books
//! DATA/outbox/         mails, where no server is configured
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use store::DirLock;
use token::ClusterKey;

use crate::services;
use crate::settings::{Bank, Settings};

/// The name by which a machine that is alone introduces itself.
pub const ALONE: &str = "n1";

/// A data directory that belongs to this process.
pub struct DataDir {
    /// Where it is.
    pub path: PathBuf,
    /// What all keys come from.
    pub key: ClusterKey,
    fixed: Mutex<Fixed>,
    _lock: DirLock,
}

/// See the module: `node.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The version of this file's form.
    pub format: u16,
    /// 1, and one more after each restore: outbox rows of different epochs are different rows.
    pub epoch: u64,
    /// Shards of each service.
    pub shards: BTreeMap<String, u16>,
    /// Who the bank is.
    pub bank: Bank,
    /// Whether the administrator and the first key were made.
    pub set_up: bool,
    /// Whether demo hotels were loaded, or refused for good.
    pub demo_settled: bool,
    /// Outbox effects wait until an operator has looked at a restored store.
    pub effects_held: bool,
    /// Sessions of before a restore are still to be ended.
    pub sessions_to_end: bool,
    /// When.
    pub made_at: Timestamp,
    /// Stores are here that an archive filled, and no log: they wait for their first start.
    #[serde(default)]
    pub restored: bool,
    /// The node that this is in a cluster; nothing on a machine that is alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<FixedNode>,
}

/// What is fixed about a node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedNode {
    /// The cluster's name.
    pub cluster: String,
    /// The node's.
    pub name: String,
    /// Its id, as in its certificate.
    pub id: u64,
    /// Where its edge is found from this machine. Not fixed: written at each start, for verbs that read this directory.
    pub url: String,
    /// Whether the cluster was founded as far as this node knows: epoch, shards and bank are the cluster's then.
    pub joined: bool,
}

const FORMAT: u16 = 1;
const NODE_FILE: &str = "node.json";

impl DataDir {
    /// Takes the directory for a machine that is alone, making it where it is missing.
    ///
    /// # Errors
    /// When another process has it, it cannot be written, or the settings contradict what was fixed.
    pub fn open(path: &Path, settings: &Settings, bank: Bank) -> anyhow::Result<Self> {
        let lock = take(path)?;
        let key = ClusterKey::load_or_create(&path.join("cluster.key")).context("the cluster key")?;
        let fixed = match read(path)? {
            Some(Fixed { node: Some(node), .. }) => bail!(
                "{} is the store of node {} of the cluster {}: start it with `auberge node`",
                path.display(),
                node.name,
                node.cluster
            ),
            Some(fixed) => {
                agree(&fixed, settings, bank)?;
                Fixed { restored: false, ..fixed }
            }
            None => Fixed::new(settings, bank),
        };
        Self::keep_as(path, key, fixed, lock)
    }

    /// Takes the directory for a node of a cluster, making it where it is missing.
    ///
    /// # Errors
    /// As [`DataDir::open`], and when it is another node's.
    pub fn open_node(path: &Path, settings: &Settings, bank: Bank, node: FixedNode) -> anyhow::Result<Self> {
        let lock = take_patiently(path)?;
        let key = ClusterKey::load(&path.join("cluster.key")).context("the cluster key")?;
        let fixed = match read(path)? {
            Some(fixed) => {
                let joined = same_node(path, &fixed, &node)?.joined;
                if joined {
                    agree(&fixed, settings, bank)?;
                }
                let kept = joined || fixed.restored;
                let shards = if kept { fixed.shards } else { services::shards(settings) };
                Fixed { shards, node: Some(FixedNode { joined, ..node }), ..fixed }
            }
            None => Fixed { node: Some(node), ..Fixed::new(settings, bank) },
        };
        Self::keep_as(path, key, fixed, lock)
    }

    fn keep_as(path: &Path, key: ClusterKey, fixed: Fixed, lock: DirLock) -> anyhow::Result<Self> {
        let dir = Self { path: path.to_owned(), key, fixed: Mutex::new(fixed), _lock: lock };
        dir.fix(|_| ())?;
        write_private(&path.join("pid"), format!("{}\n", std::process::id()).as_bytes())?;
        Ok(dir)
    }

    /// What is fixed now.
    pub fn fixed(&self) -> Fixed {
        self.held().clone()
    }

    /// This node's name.
    pub fn node_name(&self) -> String {
        self.held().node.as_ref().map_or_else(|| ALONE.to_owned(), |node| node.name.clone())
    }

    /// Changes what is fixed, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fix(&self, change: impl FnOnce(&mut Fixed)) -> anyhow::Result<()> {
        let mut fixed = self.held();
        let mut changed = fixed.clone();
        change(&mut changed);
        write_private(&self.path.join(NODE_FILE), &serde_json::to_vec_pretty(&changed)?)?;
        *fixed = changed;
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Fixed> {
        self.fixed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path.join("pid"));
    }
}

impl Fixed {
    fn new(settings: &Settings, bank: Bank) -> Self {
        Self {
            format: FORMAT,
            epoch: 1,
            shards: services::shards(settings),
            bank,
            set_up: false,
            demo_settled: false,
            effects_held: false,
            sessions_to_end: false,
            made_at: Timestamp::wall_clock(),
            restored: false,
            node: None,
        }
    }
}

fn take(path: &Path) -> anyhow::Result<DirLock> {
    store::lock(path).map_err(|fault| anyhow::anyhow!("{fault}"))
}

/// Who was killed a moment ago may not be gone altogether.
fn take_patiently(path: &Path) -> anyhow::Result<DirLock> {
    for _ in 0..20 {
        if let Ok(lock) = take(path) {
            return Ok(lock);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    take(path)
}

/// What `path/node.json` says, if there is one.
///
/// # Errors
/// When it cannot be read, or there are stores without it.
pub fn read(path: &Path) -> anyhow::Result<Option<Fixed>> {
    let file = path.join(NODE_FILE);
    if file.exists() {
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let fixed = serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        return Ok(Some(fixed));
    }
    if path.join("groups").exists() {
        // A first start fixes itself before it makes a store, a restore after it has made them all.
        bail!(
            "{} has stores that no start made: a restore broke off; empty it and restore again",
            path.display()
        );
    }
    Ok(None)
}

/// A directory is of one node for ever: what it has promised to others must not be forgotten by another.
fn same_node<'a>(path: &Path, fixed: &'a Fixed, node: &'a FixedNode) -> anyhow::Result<&'a FixedNode> {
    let place = path.display();
    let Some(before) = &fixed.node else {
        if fixed.restored {
            return Ok(node);
        }
        bail!(
            "{place} was made by `auberge serve`: make a backup of it, and restore that into a new node's directory"
        );
    };
    if before.cluster != node.cluster {
        bail!("{place} is of the cluster {}, not of {}", before.cluster, node.cluster);
    }
    if before.name != node.name {
        bail!("{place} is the store of node {}, not of {}", before.name, node.name);
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

/// What was fixed stays: a store that was made for two shards has its rows in two places.
///
/// # Errors
/// When the settings say otherwise.
pub fn agree(fixed: &Fixed, settings: &Settings, bank: Bank) -> anyhow::Result<()> {
    if fixed.format > FORMAT {
        bail!("this data directory is of a newer version of auberge (format {})", fixed.format);
    }
    for (name, service) in &settings.services {
        if let Some(shards) = fixed.shards.get(name).filter(|shards| **shards != service.shards) {
            bail!(
                "{name} has {shards} shards here, fixed when the store was made; {} cannot be had",
                service.shards
            );
        }
    }
    if fixed.bank != bank {
        bail!("this store was made with another bank ({:?}); a store never changes its bank", fixed.bank);
    }
    Ok(())
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// When the disk refuses.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}
