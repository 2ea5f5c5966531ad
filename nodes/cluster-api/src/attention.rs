//! Conditions that need an operator, one sentence each.

use std::collections::BTreeMap;

use cluster_model::{ClusterResponse, GroupResponse, GroupState, NodeState};
use directory::State;

/// A disk with less free space than this is reported, in bytes.
const DISK_LOW: u64 = 1 << 30;

/// All conditions, the most severe ones first.
pub fn sentences(
    cluster: &ClusterResponse,
    no_directory: bool,
    replace_after_secs: Option<u32>,
) -> Vec<String> {
    let mut found: Vec<String> = cluster.groups.iter().filter_map(group).collect();
    if no_directory {
        found.push(
            "the directory does not answer: this response shows what this node sees, and nothing can be moved now".to_owned(),
        );
    }
    let held: Vec<&str> =
        cluster.groups.iter().filter(|group| group.effects_held).map(|group| group.group.as_str()).collect();
    if !held.is_empty() {
        found.push(format!(
            "mails and payments of {} are held back since the restore: `auberge restore --release-effects --running` releases them",
            held.join(", ")
        ));
    }
    for node in cluster.nodes.iter().filter(|node| node.state == NodeState::Down) {
        found.push(match replace_after_secs.filter(|_| node.groups > 0) {
            Some(secs) => format!(
                "{} is down; its replicas are replaced after {secs} s, where other nodes can take them",
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
            found.push(format!("{count} groups have too few reachable replicas"));
        }
    }
    for node in &cluster.nodes {
        if let Some(free) = node.disk_free_bytes.filter(|free| *free < DISK_LOW) {
            found.push(format!("{} has {} MB of free disk space", node.name, free / 1_000_000));
        }
    }
    found.extend(versions(cluster));
    found
}

/// Replicas that violate a placement rule and are not being moved.
pub fn placement_violations(records: &State) -> Option<String> {
    // A replica of a group that is being moved may be about to leave.
    let leaves = |group: &str| records.groups.get(group).is_some_and(|group| group.moving.is_some());
    let violations: Vec<String> = directory::plan::placement_violations(records)
        .into_iter()
        .filter(|(group, _)| !leaves(group))
        .map(|(group, node)| format!("{group} on {node}"))
        .collect();
    (!violations.is_empty()).then(|| {
        format!(
            "placement rules are violated by {}, and no other node can take the replica",
            violations.join(", ")
        )
    })
}

fn group(group: &GroupResponse) -> Option<String> {
    let name = &group.group;
    if let Some(why) = &group.quarantined {
        return Some(format!("a replica of {name} is quarantined: {why}"));
    }
    if group.state == GroupState::Unavailable {
        let needed = group.voters / 2 + 1;
        let reached = format!("{} of {} voters can be reached", group.voters_up, group.voters);
        return Some(match group.voters_up < needed {
            true => format!("{name} has no leader: {reached}, {needed} are needed"),
            false => format!("{name} has no leader: {reached}, an election is in progress"),
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

/// Different versions on the nodes: expected during an upgrade.
fn versions(cluster: &ClusterResponse) -> Option<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in cluster.nodes.iter().filter(|node| !node.version.is_empty()) {
        versions.entry(&node.version).or_default().push(&node.name);
    }
    let listed = versions.iter().map(|(version, nodes)| format!("{version} on {}", nodes.join(", ")));
    (versions.len() > 1)
        .then(|| format!("nodes run different versions: {}", listed.collect::<Vec<_>>().join("; ")))
}
