//! `auberge restore FILE`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::client::Target;
use crate::server::restore;

/// Put an archive's stores into an empty data directory: of one machine, or of the first node of a new cluster, which
/// founds every group from them (`auberge cluster init --restore FILE` does that with a node that runs already). What the
/// restored store would do outside (mails, payments) waits until it is released: the world may have gone on since the
/// backup. The administrator's file is in no archive: keep a copy, and put it beside the stores.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The archive.
    #[arg(required_unless_present = "release_effects")]
    file: Option<PathBuf>,
    /// The directory to make.
    #[arg(long, value_name = "DIR", default_value = "./auberge-data")]
    data: PathBuf,
    /// The cluster key that the archive was made under.
    #[arg(long, value_name = "FILE", required_unless_present = "release_effects")]
    key: Option<PathBuf>,
    /// Make a directory for `auberge serve --nodes N`.
    #[arg(long, conflicts_with = "release_effects")]
    nodes: bool,
    /// Let the mails and payments of a restored store go: from its next start on, or at once with --running.
    #[arg(long)]
    release_effects: bool,
    /// Of a server or a cluster that is running.
    #[arg(long, requires = "release_effects")]
    running: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the verb.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.running {
        let server = arguments.target.sign_in().await?;
        let _: Value = server.post("/v1/cluster/release-effects", &Value::Null).await?;
        println!("mails and payments go");
        return Ok(());
    }
    if arguments.release_effects {
        return tokio::task::block_in_place(|| restore::release(&arguments.data));
    }
    let (Some(file), Some(key)) = (&arguments.file, &arguments.key) else {
        bail!("FILE and --key are needed")
    };
    tokio::task::block_in_place(|| match arguments.nodes {
        true => restore::restore_nodes(file, key, &arguments.data),
        false => restore::restore(file, key, &arguments.data),
    })
}
