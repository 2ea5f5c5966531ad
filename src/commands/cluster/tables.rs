//! Tables of nodes, groups and moves.

use std::fmt::Write;

use cluster_model::{
    ClusterResponse, ClusterState, GroupResponse, GroupState, MoveResponse, NodeResponse, NodeState,
    ReplicaResponse, ReplicaRole,
};

use super::format::{bytes, count, duration, entries, rate, time_of_day};
use crate::commands::output;

/// The whole cluster, for `status` and `watch`.
pub fn cluster(cluster: &ClusterResponse) -> String {
    let mut text = headline(cluster);
    let _ = writeln!(text, "\n{}\n{}", nodes(&cluster.nodes), groups(&cluster.groups));
    if !cluster.moves.is_empty() {
        let _ = writeln!(text, "Moves in progress\n{}", moves(&cluster.moves));
    }
    for sentence in &cluster.attention {
        let _ = writeln!(text, "! {sentence}");
    }
    text
}

/// The first line: the cluster's name and state.
pub fn headline(cluster: &ClusterResponse) -> String {
    let up = cluster.nodes.iter().filter(|node| node.state != NodeState::Down).count();
    let led = cluster.groups.iter().filter(|group| group.leader.is_some()).count();
    let in_progress = match cluster.moves.len() {
        0 => "no moves in progress".to_owned(),
        moves => format!("{} in progress", count(moves, "move")),
    };
    format!(
        "{}  {}  {up} of {} up, {led} of {} led, {in_progress}  (epoch {}, version {})\n",
        cluster.name,
        match cluster.state {
            ClusterState::Healthy => "healthy",
            ClusterState::Degraded => "degraded",
            ClusterState::Unavailable => "unavailable in part",
        },
        count(cluster.nodes.len(), "node"),
        count(cluster.groups.len(), "group"),
        cluster.epoch,
        cluster.version,
    )
}

/// One line for each node.
pub fn nodes(nodes: &[NodeResponse]) -> String {
    let row = |node: &NodeResponse| {
        vec![
            node.name.clone(),
            node_state(node.state).to_owned(),
            dash(&node.zone),
            node.groups.to_string(),
            node.leaders.to_string(),
            bytes(node.bytes),
            node.disk_free_bytes.map_or_else(|| "–".to_owned(), bytes),
            rate(node.calls_per_second),
            node.restarts.to_string(),
            if node.safe_to_stop { "yes" } else { "no" }.to_owned(),
            node.address.clone(),
        ]
    };
    let head = [
        "node",
        "state",
        "zone",
        "groups",
        "leaders",
        "data",
        "disk free",
        "calls/s",
        "restarts",
        "safe to stop",
        "edge",
    ];
    output::table(&head, nodes.iter().map(row).collect())
}

/// One line for each group.
pub fn groups(groups: &[GroupResponse]) -> String {
    let row = |group: &GroupResponse| {
        vec![
            group.group.clone(),
            group_state(group).to_owned(),
            group.leader.clone().unwrap_or_else(|| "–".to_owned()),
            replicas(group),
            bytes(group.bytes),
            rate(group.calls_per_second),
            group.busy.to_string(),
            group.outbox.to_string(),
            group.parked.len().to_string(),
            group.replicas.iter().map(|replica| replica.restarts).sum::<u64>().to_string(),
        ]
    };
    let head =
        ["group", "state", "leader", "replicas", "data", "calls/s", "busy", "outbox", "parked", "restarts"];
    output::table(&head, groups.iter().map(row).collect())
}

/// The replicas of a group, with their nodes.
pub fn replicas(group: &GroupResponse) -> String {
    group.replicas.iter().map(|one| replica(one, group.leader.is_some())).collect::<Vec<_>>().join(", ")
}

/// A replica's node and state: `n2`, `n2 (down)`, `n2 (learner, 120 behind)`; without a leader its applied index.
fn replica(replica: &ReplicaResponse, led: bool) -> String {
    let mut remarks = Vec::new();
    if replica.role == ReplicaRole::Learner {
        remarks.push("learner".to_owned());
    }
    if !replica.up {
        remarks.push("down".to_owned());
    } else if !led {
        remarks.push(format!("at {}", replica.applied));
    } else if replica.lag > 0 {
        remarks.push(format!("{} behind", replica.lag));
    }
    if remarks.is_empty() {
        replica.node.clone()
    } else {
        format!("{} ({})", replica.node, remarks.join(", "))
    }
}

/// One line for each move.
pub fn moves(moves: &[MoveResponse]) -> String {
    let row = |one: &MoveResponse| {
        vec![
            one.id.clone(),
            one.group.clone(),
            route(one),
            one.phase.label().to_owned(),
            progress(one),
            time_of_day(one.started_at),
            one.requested_by.clone(),
            one.detail.clone().unwrap_or_else(|| one.reason.clone()),
        ]
    };
    let head = ["move", "group", "route", "phase", "progress", "started", "requested by", "reason"];
    output::table(&head, moves.iter().map(row).collect())
}

/// The route of a move, as [`leaves_and_takes`] formats it.
pub fn route(one: &MoveResponse) -> String {
    leaves_and_takes(&one.leave, &one.take, one.leader_only)
}

/// `n1 → n4`, `+ n2, n3`, `– n1`; of leadership, `n1 → n2 (leads)` or `→ n2 (leads)`.
pub fn leaves_and_takes(leave: &[String], take: &[String], leader_only: bool) -> String {
    let names = |names: &[String]| names.join(", ");
    let route = match (leave, take) {
        ([], take) if leader_only => format!("→ {}", names(take)),
        ([], take) => format!("+ {}", names(take)),
        (leave, []) => format!("– {}", names(leave)),
        (leave, take) => format!("{} → {}", names(leave), names(take)),
    };
    if leader_only { format!("{route} (leads)") } else { route }
}

/// `12 MB of 27 MB, 120 entries behind, 3 s left`.
pub fn progress(one: &MoveResponse) -> String {
    if one.phase.is_final() || one.leader_only {
        return "–".to_owned();
    }
    let mut parts = Vec::new();
    if one.bytes_total > 0 {
        parts.push(format!("{} of {}", bytes(one.bytes_done), bytes(one.bytes_total)));
    }
    if one.lag > 0 {
        parts.push(format!("{} behind", entries(one.lag)));
    }
    if let Some(secs) = one.seconds_left {
        parts.push(format!("{} left", duration(secs)));
    }
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

/// The state of a node, for people.
pub fn node_state(state: NodeState) -> &'static str {
    match state {
        NodeState::Up => "up",
        NodeState::Down => "DOWN",
        NodeState::Draining => "draining",
        NodeState::Drained => "drained",
        NodeState::Decommissioned => "decommissioned",
    }
}

fn group_state(group: &GroupResponse) -> &'static str {
    match group.state {
        GroupState::Healthy => "healthy",
        GroupState::Degraded => "degraded",
        GroupState::Unavailable if group.quarantined.is_some() => "QUARANTINED",
        GroupState::Unavailable => "NO LEADER",
    }
}

fn dash(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { text.to_owned() }
}
