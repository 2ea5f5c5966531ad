//! `auberge cluster`: commands for the operators of a cluster.

mod audit;
mod changes;
mod configure;
mod follow;
mod format;
pub mod init;
pub mod moves;
mod nodes;
mod rebalance;
mod recover;
mod tables;
mod watch;

use clap::{Args, Subcommand};
use cluster_model::{ClusterResponse, Groups, Nodes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::OperatorAccess;
use crate::commands::output;

/// Commands for a cluster.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Initialise a new cluster: once, on one of its nodes, when the nodes are running.
    Init(init::Init),
    /// Show nodes, groups, moves in progress, and problems that need your attention.
    Status(ReadArguments),
    /// Show the nodes.
    Nodes(ReadArguments),
    /// Show the groups: their leaders, the nodes of their replicas, and how far these lag.
    Groups(ReadArguments),
    /// Show changes as they happen: a table on a terminal, one line an event in a pipe. Stop with Ctrl-C.
    Watch(ReadArguments),
    /// Show the audit log, newest first.
    Audit(audit::Audit),
    /// Move a replica or the leadership of a group to another node, while it serves. Returns when the move is done.
    Move(moves::Move),
    /// Show moves, newest first; with an id, follow that move to its end.
    Moves(moves::List),
    /// Cancel a move that has not changed the voters yet.
    Cancel(moves::Cancel),
    /// Empty a node: transfer its leaderships at once, and move its replicas to nodes that can take them.
    Drain(nodes::Drain),
    /// Allow a drained node to take groups again.
    Uncordon(nodes::Node),
    /// Remove a node for good: it is emptied first, and its certificate is revoked.
    Decommission(nodes::Drain),
    /// Apply a changed settings file to the cluster: replicas, placement rules, times.
    Configure(configure::Configure),
    /// Distribute groups and leaders evenly over the nodes.
    Rebalance(rebalance::Rebalance),
    /// Recreate a group from one surviving replica, when the majority of its replicas is lost for good.
    Recover(recover::Recover),
}

/// Arguments of commands that only read.
#[derive(Debug, Args)]
pub struct ReadArguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: OperatorAccess,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::Init(arguments) => init::run(arguments).await,
        Arguments::Status(reading) => {
            let found: ClusterResponse = reading.get("/v1/cluster").await?;
            show(&found, reading.json, |cluster| print!("{}", tables::cluster(cluster)))
        }
        Arguments::Nodes(reading) => {
            let found: Nodes = reading.get("/v1/cluster/nodes").await?;
            show(&found, reading.json, |nodes| println!("{}", tables::nodes(&nodes.items)))
        }
        Arguments::Groups(reading) => {
            let found: Groups = reading.get("/v1/cluster/groups").await?;
            show(&found, reading.json, |groups| println!("{}", tables::groups(&groups.items)))
        }
        Arguments::Watch(reading) => watch::run(&reading.access, reading.json).await,
        Arguments::Audit(arguments) => audit::run(arguments).await,
        Arguments::Move(arguments) => moves::begin(arguments).await,
        Arguments::Moves(arguments) => moves::list(arguments).await,
        Arguments::Cancel(arguments) => moves::cancel(arguments).await,
        Arguments::Drain(arguments) => nodes::drain(arguments).await,
        Arguments::Uncordon(arguments) => nodes::uncordon(arguments).await,
        Arguments::Decommission(arguments) => nodes::decommission(arguments).await,
        Arguments::Configure(arguments) => configure::run(arguments).await,
        Arguments::Rebalance(arguments) => rebalance::run(arguments).await,
        Arguments::Recover(arguments) => recover::run(arguments).await,
    }
}

impl ReadArguments {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.access.sign_in().await?.get(path).await
    }
}

/// Prints a response: as JSON, or for people.
fn show<T: Serialize>(response: &T, json: bool, print: impl FnOnce(&T)) -> anyhow::Result<()> {
    if json {
        return output::print_json(response);
    }
    print(response);
    Ok(())
}
