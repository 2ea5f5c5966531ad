//! `auberge backup create FILE`, and what an archive is.
//!
//! An archive is a magic word, a nonce, and chunks that are each encrypted, authenticated and bound to their place
//! (XChaCha20-Poly1305, libsodium's secretstream construction), under a key derived from the cluster key, which is in no
//! archive. Inside: a head, then for each group its name and its rows. A chunk that was changed, left out, or put
//! elsewhere does not open; an archive without its last chunk is not whole.

mod stream;

pub use stream::open;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use replica::Node;
use serde::{Deserialize, Serialize};
use token::ClusterKey;

use crate::admin::{self, Target};
use crate::cli;
use crate::machine::data::Fixed;
pub(crate) use stream::Sealer;

/// Verbs about backups.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Make one encrypted, checksummed archive of every group's store, while the server serves. The cluster key is not
    /// in it: keep `DATA/cluster.key` elsewhere, since nothing opens the archive without it.
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
    let mut answer = server.request(reqwest::Method::GET, "/v1/cluster/backup").send().await?;
    if !answer.status().is_success() {
        let status = answer.status();
        return Err(admin::problem(status, &answer.bytes().await.unwrap_or_default()));
    }
    let progress = cli::progress(0, "bytes");
    let mut last = Vec::new();
    while let Some(part) = answer.chunk().await.context("the archive broke off")? {
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

/// Writes an archive of all groups of a node at one moment.
///
/// # Errors
/// When a store cannot be read, or `to` not written.
pub fn write(node: &Node, key: &ClusterKey, fixed: &Fixed, to: &mut dyn Write) -> anyhow::Result<()> {
    let frozen = node.freeze().map_err(anyhow::Error::msg)?;
    let mut sealer = Sealer::begin(key, to)?;
    let head =
        Head { fixed: fixed.clone(), groups: frozen.iter().map(|group| group.group.clone()).collect() };
    let head = serde_json::to_vec(&head)?;
    sealer.write_all(&u32::try_from(head.len())?.to_le_bytes())?;
    sealer.write_all(&head)?;
    for group in &frozen {
        group.export(&mut sealer).map_err(|fault| anyhow::anyhow!("{}: {fault}", group.group))?;
    }
    sealer.finish()
}
