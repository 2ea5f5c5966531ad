//! `auberge cluster init`: makes a cluster of nodes that run and wait for it.

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

/// What there is to know about a cluster that was restored.
pub const HELD: &str = "mails and payments wait: `auberge restore --release-effects --running` lets them go; \
                        who administers it is as before: use the admin.json of then";
/// Longer than the node itself waits for anything.
const TIMEOUT: Duration = Duration::from_secs(180);
/// An archive may be large.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);

/// Make the cluster: once, on one of its nodes, when the nodes are running. Shards and the bank are fixed then.
#[derive(Debug, Args)]
pub struct Init {
    /// The node's data directory: its cluster key shows that you may.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The node's settings, which say where its data directory is.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where its edge is, if not where it says itself.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Load demo hotels.
    #[arg(long, conflicts_with = "restore")]
    demo: bool,
    /// Found every group from this archive, on the node's machine, which was made under the same cluster key. Nodes, places
    /// and moves are not in it: they are made anew.
    #[arg(long, value_name = "ARCHIVE")]
    restore: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
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
    let asked = InitRequest { demo: arguments.demo, wait_for: Vec::new(), restore };
    let made = ask(&data, arguments.url.as_deref(), &asked).await?;
    if arguments.json {
        return output::print_json(&made);
    }
    println!(
        "The cluster {} is made: {} groups, nodes {}.",
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
        println!("  restored  {HELD}");
    }
    Ok(())
}

/// Has the node of a data directory on this machine make the cluster.
///
/// # Errors
/// When it cannot be reached, or refuses.
pub async fn ask(data: &Path, url: Option<&str>, asked: &InitRequest) -> anyhow::Result<InitResponse> {
    let node = node_of(data)?;
    let key = ClusterKey::load(&data.join("cluster.key")).context("the cluster key")?;
    let url = url.unwrap_or(&node.url).trim_end_matches('/');
    let at_most = if asked.restore.is_some() { RESTORE_TIMEOUT } else { TIMEOUT };
    let http = reqwest::Client::builder().timeout(at_most).build()?;
    // It is good for a minute, and for this cluster's nodes only.
    let credential = key.node_credential(&node.name, Timestamp::wall_clock());
    let request = http.post(format!("{url}{PATH}")).bearer_auth(credential).json(asked);
    let answer = request.send().await;
    let answer = answer.with_context(|| format!("no answer from {url}: is node {} running?", node.name))?;
    let status = answer.status();
    let bytes = answer.bytes().await.context("the answer broke off")?;
    if !status.is_success() {
        return Err(client::problem(status, &bytes));
    }
    serde_json::from_slice(&bytes).context("the answer is not what was asked for")
}

fn node_of(data: &Path) -> anyhow::Result<ClusterNodeMetadata> {
    let Some(metadata) = data_dir::read(data)? else {
        bail!(
            "{} is no node's data directory: start `auberge node` first, and name its directory with --data",
            data.display()
        );
    };
    metadata
        .node
        .with_context(|| format!("{} is the store of one machine, and of no cluster", data.display()))
}

/// The only node of the settings whose data directory is on this machine.
fn of_config(config: &Path) -> anyhow::Result<PathBuf> {
    let settings = settings::load(Some(config))?;
    let usual = || PathBuf::from("./auberge-data");
    let mut here: Vec<PathBuf> =
        settings.nodes.values().map(|node| node.data.clone().unwrap_or_else(usual)).collect();
    here.retain(|data| data.join("node.json").exists());
    here.sort();
    here.dedup();
    match here.as_slice() {
        [] => bail!("no node of {} runs on this machine; name its directory with --data", config.display()),
        [data, ..] => Ok(data.clone()),
    }
}
