//! `auberge backup create FILE`, and what an archive is.
//!
//! An archive is a magic word, a nonce, and chunks that are each encrypted, authenticated and bound to their place
//! (XChaCha20-Poly1305, libsodium's secretstream construction), under a key derived from the cluster key, which is in no
//! archive. Inside: a head, then for each group its name and its rows. A chunk that was changed, left out, or put
//! elsewhere does not open; an archive without its last chunk is not whole.

mod stream;

pub use stream::open;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Subcommand;
use replica::Moment;
use serde::{Deserialize, Serialize};
use token::ClusterKey;

use crate::admin::{self, Target};
use crate::cli;
use crate::machine::data::Fixed;
pub(crate) use stream::Sealer;

/// What a backup reads of a group in a second, at most.
const BYTES_PER_SECOND: f64 = (96 << 20) as f64;
/// However large an archive is, and however slow the way to it.
const TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Verbs about backups.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Make one encrypted, checksummed archive of every group's store, while the server or the whole cluster serves. The
    /// cluster key is not in it: keep `DATA/cluster.key` elsewhere, since nothing opens the archive without it.
    Create {
        /// The archive to write; not overwritten.
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
}

/// The head of an archive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    /// What was fixed about the data directory.
    pub fixed: Fixed,
    /// The groups that follow.
    pub groups: Vec<String>,
    /// The last log entry that is in each of them.
    #[serde(default)]
    pub log_indexes: BTreeMap<String, u64>,
}

/// Runs the verb.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Create { file, target } = arguments;
    let server = target.sign_in().await?;
    let beside = file.with_extension("part");
    if file.exists() {
        bail!("{} is there already", file.display());
    }
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut archive = made.with_context(|| format!("writing {}", beside.display()))?;
    let mut answer =
        server.request(reqwest::Method::GET, "/v1/cluster/backup").timeout(TIMEOUT).send().await?;
    if !answer.status().is_success() {
        let status = answer.status();
        return Err(admin::problem(status, &answer.bytes().await.unwrap_or_default()));
    }
    let progress = cli::progress(0, "bytes");
    let mut last = Vec::new();
    loop {
        let part = match answer.chunk().await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            Err(error) => {
                let _ = std::fs::remove_file(&beside);
                return Err(error).context("the archive broke off");
            }
        };
        archive.write_all(&part).with_context(|| format!("writing {}", beside.display()))?;
        progress.inc(part.len() as u64);
        stream::keep_tail(&mut last, &part);
    }
    progress.finish_and_clear();
    if !stream::ends_well(&last) {
        let _ = std::fs::remove_file(&beside);
        bail!("the archive broke off: the server's log says why");
    }
    archive.sync_all()?;
    std::fs::rename(&beside, &file)?;
    println!(
        "{}: {} bytes. It opens with the cluster key only (DATA/cluster.key).",
        file.display(),
        archive.metadata()?.len()
    );
    Ok(())
}

/// Writes an archive of a moment of all groups. Where it may block.
///
/// # Errors
/// When a state cannot be read to its end, or `to` not written.
pub fn write(moment: &Moment, key: &ClusterKey, fixed: &Fixed, to: &mut dyn Write) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Handle::current();
    let mut sealer = Sealer::begin(key, to)?;
    let log_indexes = moment.groups();
    let head = Head { fixed: fixed.clone(), groups: log_indexes.keys().cloned().collect(), log_indexes };
    let text = serde_json::to_vec(&head)?;
    sealer.write_all(&u32::try_from(text.len())?.to_le_bytes())?;
    sealer.write_all(&text)?;
    for group in &head.groups {
        let (mut at, begun) = (0, Instant::now());
        loop {
            let part = runtime.block_on(moment.read(group, at))?;
            if part.is_empty() {
                break;
            }
            sealer.write_all(&part)?;
            at += part.len() as u64;
            // Guests come first: the disks and the wire are theirs, too.
            let due = Duration::from_secs_f64(at as f64 / BYTES_PER_SECOND);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }
    sealer.finish()
}
