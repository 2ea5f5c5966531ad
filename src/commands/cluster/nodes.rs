//! `auberge cluster drain`, `uncordon` and `decommission`.

use std::collections::BTreeMap;

use clap::Args;
use cluster_model::{NodeResponse, NodeState, NodeWork, RemainingReplicaResponse};
use serde_json::json;

use super::moves::{Waiting, segment};
use super::{follow, tables};
use crate::client::RetryingClient;
use crate::client::Target;
use crate::commands::output;

/// Empty a node.
#[derive(Debug, Args)]
pub struct Drain {
    /// The node's name.
    node: String,
    /// Print the plan, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    target: Target,
}

/// Name a node.
#[derive(Debug, Args)]
pub struct Node {
    /// The node's name.
    node: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// `drain`: returns when all leaderships and replicas that can move have moved.
pub async fn drain(arguments: Drain) -> anyhow::Result<()> {
    empty(arguments, "drain", |state| state != NodeState::Draining).await
}

/// `decommission`: returns when the node is empty and removed.
pub async fn decommission(arguments: Drain) -> anyhow::Result<()> {
    empty(arguments, "decommission", |state| state == NodeState::Decommissioned).await
}

/// `uncordon`: allows the node to take groups again.
pub async fn uncordon(arguments: Node) -> anyhow::Result<()> {
    let path = format!("/v1/cluster/nodes/{}/uncordon", segment(&arguments.node)?);
    let node: NodeResponse = arguments.target.sign_in().await?.post(&path, &json!({})).await?;
    super::show(&node, arguments.json, |node| {
        println!(
            "{} is {} and can take groups again; `auberge cluster rebalance` moves some to it now",
            node.name,
            tables::node_state(node.state)
        );
    })
}

async fn empty(arguments: Drain, what: &str, reached: impl Fn(NodeState) -> bool) -> anyhow::Result<()> {
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let dry_run = if arguments.dry_run { "?dry_run=true" } else { "" };
    let path = format!("/v1/cluster/nodes/{}/{what}{dry_run}", segment(&arguments.node)?);
    let begun: NodeWork = client.once().post(&path, &json!({})).await?;
    if arguments.waiting.json && (arguments.dry_run || arguments.waiting.no_wait) {
        return output::print_json(&begun);
    }
    if !arguments.waiting.json {
        begun.plan.iter().for_each(|step| println!("{}", super::rebalance::line(step)));
        stays(&begun.stays).iter().for_each(|line| println!("{line}"));
    }
    if arguments.dry_run || arguments.waiting.no_wait {
        println!("{}: {}", arguments.node, begun.detail);
        return Ok(());
    }
    let (ended, now) = follow::until_emptied(&mut client, begun.moves, &arguments.node, reached).await?;
    if arguments.waiting.json {
        output::print_json(&now)?;
    } else {
        println!("{}", outcome(&now));
    }
    follow::all_done(&ended)
}

/// The groups that stay, one line for each reason.
fn stays(stays: &[RemainingReplicaResponse]) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for stay in stays {
        let usual = format!("no node can take {}: ", stay.group);
        let why = stay.why.strip_prefix(&usual).unwrap_or(&stay.why);
        reasons.entry(why.to_owned()).or_default().push(&stay.group);
    }
    let line = |(why, groups): (String, Vec<&str>)| {
        let stays = if groups.len() == 1 { "stays" } else { "stay" };
        format!("{} {stays}: {why}", groups.join(", "))
    };
    reasons.into_iter().map(line).collect()
}

/// The result, and what the operator can do with the node.
fn outcome(node: &NodeResponse) -> String {
    let state = tables::node_state(node.state);
    if node.state == NodeState::Decommissioned {
        return format!("{} is {state}: it can be stopped and erased", node.name);
    }
    match &node.unsafe_because {
        None if node.groups == 0 => format!("{} is {state}: it is empty and safe to stop", node.name),
        None => format!(
            "{} is {state}: {} replicas stay, and it is safe to stop ({})",
            node.name, node.groups, node.quorum
        ),
        Some(why) => format!("{} is {state}; do not stop it: {why}", node.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_stay_are_printed_by_reason() {
        let stay = |group: &str, why: &str| RemainingReplicaResponse {
            group: group.to_owned(),
            live: 2,
            voters: 3,
            needed: 2,
            why: why.to_owned(),
        };
        let all = [
            stay("auth/0", "no node can take auth/0: there is no other node"),
            stay("pdf/0", "no node can take pdf/0: n4 has too little free disk"),
            stay("ui/0", "no node can take ui/0: there is no other node"),
        ];
        assert_eq!(
            stays(&all),
            ["pdf/0 stays: n4 has too little free disk", "auth/0, ui/0 stay: there is no other node"]
        );
    }
}
