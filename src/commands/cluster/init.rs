//! `auberge cluster init`: initialises a cluster of running nodes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use protocol::Timestamp;
use token::ClusterKey;

use crate::client;
use crate::commands::output::{self, administrator};
use crate::server::cluster_node::init::{InitRequest, InitResponse, PATH};
use crate::server::data_dir::{self, ClusterNodeMetadata};
use crate::settings;

/// A hint about a restored cluster.
pub const RESTORED_HINT: &str = "mails and payments are paused: release them with `auberge restore --release-effects --running`; \
                        the administrator is unchanged: use the admin.json of the backup";
/// Timeout of the request: longer than every timeout of the node.
const TIMEOUT: Duration = Duration::from_secs(180);
/// Timeout of a restore, because an archive may be large.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);

/// Initialise a new cluster: once, on one of its nodes, when the nodes are running. Shards and the bank cannot change later.
#[derive(Debug, Args)]
pub struct Init {
    /// The node's data directory, whose cluster key authorises the request.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The node's settings file, which has its data directory.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of the node's edge [default: the one in its data directory].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Load demo hotels.
    #[arg(long, conflicts_with = "restore")]
    demo: bool,
    /// Restore every group from this archive on the node's machine, which needs the same cluster key. Nodes, placement and
    /// moves are not in an archive.
    #[arg(long, value_name = "ARCHIVE")]
    restore: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the node cannot be reached, or refuses.
pub async fn run(arguments: Init) -> anyhow::Result<()> {
    let data = match (arguments.data, &arguments.config) {
        (Some(data), _) => data,
        (None, Some(config)) => of_config(config)?,
        (None, None) => PathBuf::from("./auberge-data"),
    };
    let restore = arguments.restore.map(std::path::absolute).transpose()?;
    let request = InitRequest { demo: arguments.demo, wait_for: Vec::new(), restore };
    let made = request_init(&data, arguments.url.as_deref(), &request).await?;
    if arguments.json {
        return output::print_json(&made);
    }
    println!(
        "The cluster {} is initialised: {} groups, nodes {}.",
        made.cluster,
        made.groups,
        made.nodes.join(", ")
    );
    if !made.missing.is_empty() {
        println!("Not reached: {}. They join when they are started.", made.missing.join(", "));
    }
    println!("  guests    {}/", made.url);
    println!("  operate   auberge cluster status --admin {}", made.admin.display());
    if let Some(sign_in) = &made.sign_in {
        println!("  admin     {}", administrator(sign_in, &made.url));
    }
    if made.effects_held {
        println!("  restored  {RESTORED_HINT}");
    }
    Ok(())
}

/// Sends the request to the node whose data directory is given.
///
/// # Errors
/// When it cannot be reached, or refuses.
pub async fn request_init(
    data: &Path,
    url: Option<&str>,
    init: &InitRequest,
) -> anyhow::Result<InitResponse> {
    let node = node_of(data)?;
    let key = ClusterKey::load(&data.join("cluster.key")).context("the cluster key")?;
    let url = url.unwrap_or(&node.url).trim_end_matches('/');
    let at_most = if init.restore.is_some() { RESTORE_TIMEOUT } else { TIMEOUT };
    let http = reqwest::Client::builder().timeout(at_most).build()?;
    // The credential is valid for a minute, on this cluster's nodes only.
    let credential = key.node_credential(&node.name, Timestamp::wall_clock());
    let request = http.post(format!("{url}{PATH}")).bearer_auth(credential).json(init);
    let response = request.send().await;
    let response =
        response.with_context(|| format!("no response from {url}: is node {} running?", node.name))?;
    let status = response.status();
    let bytes = response.bytes().await.context("the response was cut off")?;
    if !status.is_success() {
        return Err(client::problem(status, &bytes));
    }
    serde_json::from_slice(&bytes).context("unexpected response")
}

fn node_of(data: &Path) -> anyhow::Result<ClusterNodeMetadata> {
    let Some(metadata) = data_dir::read(data)? else {
        bail!(
            "{} is not the data directory of a node: start `auberge node` first, and name its directory with --data",
            data.display()
        );
    };
    metadata.node.with_context(|| format!("{} belongs to a single node, not to a cluster", data.display()))
}

/// The data directory of the settings that is on this machine.
///
/// # Errors
/// When the settings cannot be read, or none of their nodes has a data directory on this machine.
pub fn of_config(config: &Path) -> anyhow::Result<PathBuf> {
    let settings = settings::load(Some(config))?;
    let default = || PathBuf::from("./auberge-data");
    let mut here: Vec<PathBuf> =
        settings.nodes.values().map(|node| node.data.clone().unwrap_or_else(default)).collect();
    here.retain(|data| data.join("node.json").exists());
    here.sort();
    here.dedup();
    match here.as_slice() {
        [] => bail!("no node of {} runs on this machine; name its directory with --data", config.display()),
        [data, ..] => Ok(data.clone()),
    }
}
