//! `auberge cluster`: what operators ask a running cluster, and tell it.

mod audit;
mod configure;
mod follow;
mod format;
pub mod init;
mod moves;
mod nodes;
mod rebalance;
mod recover;
mod tables;
mod watch;

use clap::{Args, Subcommand};
use poem_openapi::types::ParseFromJSON;
use serde_json::Value;

use crate::client::OperatorAccess;
use crate::commands::output;
use crate::operate::shown::{ClusterResponse, Groups, Nodes};

/// Verbs about a running cluster.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Make the cluster: once, on one of its nodes, when the nodes are running.
    Init(init::Init),
    /// How it stands: nodes, groups, what is under way, and what needs your attention.
    Status(ReadArguments),
    /// Its nodes.
    Nodes(ReadArguments),
    /// Its groups: who leads, where the replicas are, how far they are behind.
    Groups(ReadArguments),
    /// How it stands, as it changes: a table on a terminal, a line an event in a pipe. Ends with Ctrl-C.
    Watch(ReadArguments),
    /// Who did what, newest first.
    Audit(audit::Audit),
    /// Move a replica of a group to another node, or its leadership, while it serves. Returns when it is done.
    Move(moves::Move),
    /// Moves, newest first; with an id, follow that one to its end.
    Moves(moves::List),
    /// Cancel a move that has not switched yet.
    Cancel(moves::Cancel),
    /// Empty a node: leaders go at once, replicas where another node can take them.
    Drain(nodes::Drain),
    /// Let a node that was drained take groups again.
    Uncordon(nodes::Node),
    /// Remove a node for good: it is emptied first, and its certificate counts no more.
    Decommission(nodes::Drain),
    /// Have the cluster adopt what its settings file says by now: replicas, placement rules, times.
    Configure(configure::Configure),
    /// Even groups and leaders out over the nodes.
    Rebalance(rebalance::Rebalance),
    /// Found a group anew from one surviving replica, when most of its replicas are lost for good.
    Recover(recover::Recover),
}

/// What a verb that reads needs to know.
#[derive(Debug, Args)]
pub struct ReadArguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: OperatorAccess,
}

/// Runs the verb.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::Init(arguments) => init::run(arguments).await,
        Arguments::Status(reading) => {
            let found = reading.get("/v1/cluster").await?;
            show::<ClusterResponse>(found, reading.json, |cluster| print!("{}", tables::cluster(cluster)))
        }
        Arguments::Nodes(reading) => {
            let found = reading.get("/v1/cluster/nodes").await?;
            show::<Nodes>(found, reading.json, |nodes| println!("{}", tables::nodes(&nodes.items)))
        }
        Arguments::Groups(reading) => {
            let found = reading.get("/v1/cluster/groups").await?;
            show::<Groups>(found, reading.json, |groups| println!("{}", tables::groups(&groups.items)))
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
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.access.sign_in().await?.get(path).await
    }
}

/// Prints what was found: as it came, or in words.
fn show<T: ParseFromJSON>(found: Value, json: bool, words: impl FnOnce(&T)) -> anyhow::Result<()> {
    if json {
        return output::print_json(&found);
    }
    words(&read(found)?);
    Ok(())
}

/// Reads what the API wrote.
fn read<T: ParseFromJSON>(found: Value) -> anyhow::Result<T> {
    T::parse_from_json(Some(found)).map_err(|error| {
        anyhow::anyhow!(
            "the server answers what this program cannot read ({}): is it of another version?",
            error.message()
        )
    })
}
