//! `auberge restore FILE`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::client::Target;
use crate::server::restore;

/// Restore an archive into an empty data directory: of a single node, or of the first node of a new cluster
/// (`auberge cluster init --restore FILE` restores into a running node). Mails and payments of the restored store are paused
/// until they are released, because they may have been sent after the backup was made. An archive does not contain the
/// administrator's file: copy it into the data directory.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The archive.
    #[arg(required_unless_present = "release_effects")]
    file: Option<PathBuf>,
    /// The data directory to create.
    #[arg(long, value_name = "DIR", default_value = "./auberge-data")]
    data: PathBuf,
    /// The cluster key of the server that the archive was made from.
    #[arg(long, value_name = "FILE", required_unless_present = "release_effects")]
    key: Option<PathBuf>,
    /// Create a directory for `auberge serve --nodes N`.
    #[arg(long, conflicts_with = "release_effects")]
    nodes: bool,
    /// Release the mails and payments of a restored store: from its next start on, or at once with --running.
    #[arg(long)]
    release_effects: bool,
    /// Release those of a running server or cluster.
    #[arg(long, requires = "release_effects")]
    running: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.running {
        let server = arguments.target.sign_in().await?;
        let _: Value = server.post("/v1/cluster/release-effects", &Value::Null).await?;
        println!("mails and payments are released");
        return Ok(());
    }
    if arguments.release_effects {
        return tokio::task::block_in_place(|| restore::release(&arguments.data));
    }
    let (Some(file), Some(key)) = (&arguments.file, &arguments.key) else {
        bail!("FILE and --key are required")
    };
    tokio::task::block_in_place(|| match arguments.nodes {
        true => restore::restore_nodes(file, key, &arguments.data),
        false => restore::restore(file, key, &arguments.data),
    })
}
