//! The data directory: whose it is, and what was fixed when it was made.
//!
//! ```text
//! DATA/lock            one process at a time
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

use anyhow::{Context, bail};
use contract::Timestamp;
use serde::{Deserialize, Serialize};
use store::DirLock;
use token::ClusterKey;

use crate::services;
use crate::settings::{Bank, Settings};

/// A data directory that belongs to this process.
pub struct DataDir {
    /// Where it is.
    pub path: PathBuf,
    /// What all keys come from.
    pub key: ClusterKey,
    /// What was fixed at the first start.
    pub fixed: Fixed,
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
}

const FORMAT: u16 = 1;
const NODE_FILE: &str = "node.json";

impl DataDir {
    /// Takes the directory for this process, making it where it is missing.
    ///
    /// # Errors
    /// When another process has it, it cannot be written, or the settings contradict what was fixed.
    pub fn open(path: &Path, settings: &Settings, bank: Bank) -> anyhow::Result<Self> {
        let lock = store::lock(path).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let file = path.join(NODE_FILE);
        let key = ClusterKey::load_or_create(&path.join("cluster.key")).context("the cluster key")?;
        let fixed = if file.exists() {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let fixed: Fixed =
                serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
            agree(&fixed, settings, bank)?;
            fixed
        } else if path.join("groups").exists() {
            // A first start fixes itself before it makes a store, a restore after it has made them all.
            bail!(
                "{} has stores that no start made: a restore broke off; empty it and restore again",
                path.display()
            );
        } else {
            let shards =
                services::NAMES.iter().map(|name| ((*name).to_owned(), services::shards(settings, name)));
            Fixed {
                format: FORMAT,
                epoch: 1,
                shards: shards.collect(),
                bank,
                set_up: false,
                demo_settled: false,
                effects_held: false,
                sessions_to_end: false,
                made_at: Timestamp::wall_clock(),
            }
        };
        let dir = Self { path: path.to_owned(), key, fixed, _lock: lock };
        dir.keep()?;
        Ok(dir)
    }

    /// Changes what is fixed, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fix(&mut self, change: impl FnOnce(&mut Fixed)) -> anyhow::Result<()> {
        change(&mut self.fixed);
        self.keep()
    }

    fn keep(&self) -> anyhow::Result<()> {
        write_private(&self.path.join(NODE_FILE), &serde_json::to_vec_pretty(&self.fixed)?)
    }
}

/// What was fixed stays: a store that was made for two shards has its rows in two places.
fn agree(fixed: &Fixed, settings: &Settings, bank: Bank) -> anyhow::Result<()> {
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
