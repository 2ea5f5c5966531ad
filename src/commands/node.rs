//! `auberge node`: one node of a cluster.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use tokio::sync::oneshot;

use super::process::Stop;
use crate::server::cluster_node::{self, ClusterNode, Options, RunningNode, not_ready_because};
use crate::settings;

/// Run one node of a cluster. The table [nodes.NAME] of the settings has its addresses and its certificate.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The settings file, the same on every node.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The name of this node in the settings.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The data directory, created if it is missing [default: `data` of the node's table, or ./auberge-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Exit at the end of standard input, which means that the parent process has ended.
    #[arg(long, hide = true)]
    with_parent: bool,
    /// Hold writes in memory until they are synced, so that a killed process loses what a power failure would.
    #[arg(long, hide = true)]
    drop_unsynced: bool,
}

/// Runs until SIGINT or SIGTERM, then transfers its leaderships and finishes accepted requests.
///
/// # Errors
/// When the settings and the node's certificate or data directory disagree, or something cannot be opened.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let Arguments { config, name, data, with_parent, drop_unsynced } = arguments;
    let settings = settings::load(Some(&config))?;
    let stop = Stop::listen()?;
    let orphaned = with_parent.then(parent_ends);
    let starting = format!("starting node {name}");
    let node =
        cluster_node::start(Options { name, settings, data, drop_unsynced }).await.context(starting)?;
    let running = RunningNode::start(Arc::clone(&node)).await?;
    tokio::select! {
        () = stop.wait() => {}
        () = ended(orphaned) => {}
        () = report(&node, begun) => {}
    }
    running.stop().await
}

/// Prints the node's status to standard output, each time that it changes. Never returns.
async fn report(node: &ClusterNode, begun: Instant) {
    let own = &node.identity;
    let at = node.server.data.metadata().node.map(|node| node.url).unwrap_or_default();
    println!(
        "Node {} of {} listens at {at}/, for other nodes at {}",
        own.name,
        own.cluster,
        node.link.address()
    );
    let mut reported = None;
    loop {
        let reason = not_ready_because(node);
        if reported.as_ref() != Some(&reason) {
            match &reason {
                Some(why) => println!("not serving: {why}"),
                None => {
                    println!("Node {} is ready at {at}/ ({:.1} s)", own.name, begun.elapsed().as_secs_f64());
                }
            }
            let _ = std::io::stdout().flush();
            reported = Some(reason);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Resolves when standard input ends.
fn parent_ends() -> oneshot::Receiver<()> {
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        let _ = end.send(());
    });
    ended
}

async fn ended(orphaned: Option<oneshot::Receiver<()>>) {
    match orphaned {
        Some(ended) => {
            let _ = ended.await;
        }
        None => std::future::pending().await,
    }
}
