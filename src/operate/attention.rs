//! What an operator has to look at, in sentences.

use std::collections::BTreeMap;

use directory::State;

use super::shown::{ClusterResponse, GroupResponse, GroupState, NodeState};

/// A disk with less than this is soon full, in bytes.
const DISK_LOW: u64 = 1 << 30;

/// A sentence for each thing; what is worst comes first.
pub fn sentences(
    cluster: &ClusterResponse,
    no_directory: bool,
    replace_after_secs: Option<u32>,
) -> Vec<String> {
    let mut found: Vec<String> = cluster.groups.iter().filter_map(group).collect();
    if no_directory {
        found.push(
            "the directory does not answer: what is shown is what this node sees, and nothing can be moved now".to_owned(),
        );
    }
    let held: Vec<&str> =
        cluster.groups.iter().filter(|group| group.effects_held).map(|group| group.group.as_str()).collect();
    if !held.is_empty() {
        found.push(format!(
            "mails and payments of {} wait since the restore: `auberge restore --release-effects --running` lets them go",
            held.join(", ")
        ));
    }
    for node in cluster.nodes.iter().filter(|node| node.state == NodeState::Down) {
        found.push(match replace_after_secs.filter(|_| node.groups > 0) {
            Some(secs) => format!(
                "{} is down; what it has is made again elsewhere when it has been away for {secs} s, where a node can take it",
                node.name
            ),
            None => format!("{} is down", node.name),
        });
    }
    let fewer = cluster
        .groups
        .iter()
        .filter(|group| group.leader.is_some() && group.voters_up < group.replicas_wanted);
    match fewer.clone().count() {
        0 => {}
        1 => found.extend(fewer.map(|group| {
            format!(
                "{} has {} of {} replicas that can be reached",
                group.group, group.voters_up, group.replicas_wanted
            )
        })),
        count => {
            found.push(format!("{count} groups have fewer replicas that can be reached than they should"));
        }
    }
    for node in &cluster.nodes {
        if let Some(free) = node.disk_free_bytes.filter(|free| *free < DISK_LOW) {
            found.push(format!("the disk of {} has {} MB left", node.name, free / 1_000_000));
        }
    }
    found.extend(versions(cluster));
    found
}

/// Replicas that stay where the rules do not let them be.
pub fn astray(records: &State) -> Option<String> {
    // What is about to leave needs nobody's attention.
    let leaves = |group: &str| records.groups.get(group).is_some_and(|group| group.moving.is_some());
    let astray: Vec<String> = directory::plan::astray(records)
        .into_iter()
        .filter(|(group, _)| !leaves(group))
        .map(|(group, node)| format!("{group} on {node}"))
        .collect();
    (!astray.is_empty()).then(|| {
        format!("the rules of the settings are against {}, and no other node can take it", astray.join(", "))
    })
}

fn group(group: &GroupResponse) -> Option<String> {
    let name = &group.group;
    if let Some(why) = &group.quarantined {
        return Some(format!("{name} was given up on a node: {why}"));
    }
    if group.state == GroupState::Unavailable {
        let needed = group.voters / 2 + 1;
        let reached = format!("{} of {} voters can be reached", group.voters_up, group.voters);
        return Some(match group.voters_up < needed {
            true => format!("{name} has no leader: {reached}, {needed} are needed"),
            false => format!("{name} has no leader just now: {reached}, and elect one"),
        });
    }
    match group.parked.as_slice() {
        [] => None,
        [row] => Some(format!("row {} of the outbox of {name} is parked: {}", row.row, row.why)),
        [row, ..] => Some(format!(
            "{} rows of the outbox of {name} are parked; the first, {}: {}",
            group.parked.len(),
            row.row,
            row.why
        )),
    }
}

/// Nodes that run different versions, which is fine for as long as an upgrade takes.
fn versions(cluster: &ClusterResponse) -> Option<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in cluster.nodes.iter().filter(|node| !node.version.is_empty()) {
        versions.entry(&node.version).or_default().push(&node.name);
    }
    let words = versions.iter().map(|(version, nodes)| format!("{version} on {}", nodes.join(", ")));
    (versions.len() > 1)
        .then(|| format!("nodes run different versions: {}", words.collect::<Vec<_>>().join("; ")))
}
