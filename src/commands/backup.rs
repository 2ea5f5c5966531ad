//! `auberge backup create FILE`, and what an archive is.
//!
//! An archive is a magic word, a nonce, and chunks that are each encrypted, authenticated and bound to their place
//! (XChaCha20-Poly1305, libsodium's secretstream construction), under a key derived from the cluster key, which is in no
//! archive. Inside: a head, then for each group its name and its rows. A chunk that was changed, left out, or put
//! elsewhere does not open; an archive without its last chunk is not whole.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::client::{self, Target};
use crate::commands::output;
use crate::server::archive;

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
        return Err(client::problem(status, &answer.bytes().await.unwrap_or_default()));
    }
    let progress = output::progress(0, "bytes");
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
        archive::keep_tail(&mut last, &part);
    }
    progress.finish_and_clear();
    if !archive::is_complete(&last) {
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
