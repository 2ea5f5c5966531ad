//! `auberge backup create FILE`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::client::{self, Target};
use crate::commands::output;
use crate::server::archive;

/// Timeout of the download, which may be large and slow.
const TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Commands for backups.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Create an encrypted, checksummed archive of every group's store, while the server or cluster runs. The archive does
    /// not contain the cluster key and cannot be opened without it: keep a copy of `DATA/cluster.key` elsewhere.
    Create {
        /// The archive to create. An existing file is not overwritten.
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Create { file, target } = arguments;
    let server = target.sign_in().await?;
    let partial = file.with_extension("part");
    if file.exists() {
        bail!("{} exists already", file.display());
    }
    let created =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial);
    let mut archive = created.with_context(|| format!("writing {}", partial.display()))?;
    let mut response =
        server.request(reqwest::Method::GET, "/v1/cluster/backup").timeout(TIMEOUT).send().await?;
    if !response.status().is_success() {
        let status = response.status();
        return Err(client::problem(status, &response.bytes().await.unwrap_or_default()));
    }
    let progress = output::progress(0, "bytes");
    let mut last = Vec::new();
    loop {
        let part = match response.chunk().await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            Err(error) => {
                let _ = std::fs::remove_file(&partial);
                return Err(error).context("the archive was cut off");
            }
        };
        archive.write_all(&part).with_context(|| format!("writing {}", partial.display()))?;
        progress.inc(part.len() as u64);
        archive::keep_tail(&mut last, &part);
    }
    progress.finish_and_clear();
    if !archive::is_complete(&last) {
        let _ = std::fs::remove_file(&partial);
        bail!("the archive was cut off: see the server's log");
    }
    archive.sync_all()?;
    std::fs::rename(&partial, &file)?;
    println!(
        "{}: {} bytes. It can be opened only with the cluster key (DATA/cluster.key).",
        file.display(),
        archive.metadata()?.len()
    );
    Ok(())
}
