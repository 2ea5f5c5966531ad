//! Brings together what the directory has on record and what is seen from here. Pure: the same in, the same out.

use std::collections::{BTreeMap, BTreeSet};

use directory::{Duty, GroupRecord, NodeRecord, State};
use edge::Instant;

use super::attention;
use super::live::{Live, LiveNode, LiveReplica};
use super::shown::{
    ClusterResponse, ClusterState, GroupResponse, GroupState, NodeResponse, NodeState, ParkedResponse,
    ReplicaResponse, ReplicaRole,
};

/// What a cluster is called, where no directory says so.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its epoch.
    pub epoch: u64,
    /// Whether this machine is alone: it has no directory, and none is missed.
    pub alone: bool,
}

/// Everything, as it is now. Without `records` the directory did not answer, or there is none.
pub fn cluster(named: &Named, records: Option<&State>, live: &Live) -> ClusterResponse {
    let groups = groups(records, live);
    let nodes = nodes(records, live, &groups);
    let state = groups.iter().fold(ClusterState::Healthy, |worst, group| match (worst, group.state) {
        (ClusterState::Unavailable, _) | (_, GroupState::Unavailable) => ClusterState::Unavailable,
        (ClusterState::Degraded, _) | (_, GroupState::Degraded) => ClusterState::Degraded,
        (ClusterState::Healthy, GroupState::Healthy) => ClusterState::Healthy,
    });
    let down = nodes.iter().any(|node| node.state == NodeState::Down);
    let state = if down && state == ClusterState::Healthy { ClusterState::Degraded } else { state };
    let version = live.nodes.get(&live.here).map(|node| node.version.clone());
    let cluster = ClusterResponse {
        name: records.map_or_else(|| named.name.clone(), |records| records.cluster.name.clone()),
        epoch: records.map_or(named.epoch, |records| records.cluster.epoch),
        state,
        attention: Vec::new(),
        version: version.unwrap_or_default(),
        answered_by: live.here.clone(),
        nodes,
        groups,
        moves: records.iter().flat_map(|records| &records.moves).map(super::moves::shown).collect(),
    };
    let replace_after = records.map(|records| records.cluster.settings.replace_after_secs);
    let mut attention = attention::sentences(&cluster, records.is_none() && !named.alone, replace_after);
    attention.extend(records.and_then(attention::astray));
    ClusterResponse { attention, ..cluster }
}

/// All groups, by name.
fn groups(records: Option<&State>, live: &Live) -> Vec<GroupResponse> {
    let known = records.iter().flat_map(|records| records.groups.keys().cloned());
    let seen = live.nodes.values().flat_map(|node| &node.replicas).map(|replica| replica.group.clone());
    let names: BTreeSet<String> = known.chain(seen).collect();
    names.iter().map(|name| group(name, records.and_then(|records| records.groups.get(name)), live)).collect()
}

/// Who is in a group: its leader knows best; without one the record does, else those who say so themselves.
fn members(name: &str, record: Option<&GroupRecord>, live: &Live) -> Vec<(u64, String, ReplicaRole)> {
    if let Some((_, leader)) = live.leader(name) {
        let voters = leader.voters.iter().map(|(id, node)| (*id, node.clone(), ReplicaRole::Voter));
        let learners = leader.learners.iter().map(|(id, node)| (*id, node.clone(), ReplicaRole::Learner));
        return voters.chain(learners).collect();
    }
    if let Some(record) = record.filter(|record| !record.replicas.is_empty()) {
        let role = |votes| if votes { ReplicaRole::Voter } else { ReplicaRole::Learner };
        let member = |replica: &directory::ReplicaRecord| {
            (replica.home.replica, replica.home.node.clone(), role(replica.voter))
        };
        return record.replicas.iter().map(member).collect();
    }
    live.of(name).map(|(node, replica)| (replica.id, node.to_owned(), ReplicaRole::Voter)).collect()
}

fn group(name: &str, record: Option<&GroupRecord>, live: &Live) -> GroupResponse {
    let (service, shard) = name.split_once('/').unwrap_or((name, "0"));
    let leader = live.leader(name);
    let mut replicas: Vec<ReplicaResponse> = members(name, record, live)
        .into_iter()
        .map(|(id, node, role)| replica(name, id, node, role, leader.map(|(_, leader)| leader), live))
        .collect();
    replicas.sort_by(|one, other| one.node.cmp(&other.node));
    let voters = || replicas.iter().filter(|replica| replica.role == ReplicaRole::Voter);
    let (all, up) = (voters().count(), voters().filter(|replica| replica.up).count());
    let wanted = record.map_or(all, |record| usize::from(record.wanted));
    // Who lost its majority may not have noticed yet, and leads nobody.
    let leader = leader.filter(|_| up > all / 2);
    let quarantined = live.of(name).find_map(|(_, replica)| replica.quarantined.clone());
    let state = match leader {
        None => GroupState::Unavailable,
        Some(_) if up < wanted || quarantined.is_some() => GroupState::Degraded,
        Some(_) => GroupState::Healthy,
    };
    // What only the leader does, only the leader knows.
    let (node, figures) = leader.map_or((None, None), |(node, leader)| (Some(node.to_owned()), Some(leader)));
    GroupResponse {
        group: name.to_owned(),
        service: service.to_owned(),
        shard: shard.parse().unwrap_or_default(),
        state,
        leader: node,
        term: live.of(name).map(|(_, replica)| replica.term).max().unwrap_or_default(),
        voters: all as u32,
        voters_up: up as u32,
        replicas_wanted: wanted as u32,
        bytes: figures.map_or_else(|| record.map_or(0, |record| record.bytes), |leader| leader.bytes),
        calls_per_second: live.of(name).map(|(_, replica)| replica.calls_per_second).sum(),
        busy: live.of(name).map(|(_, replica)| replica.busy).sum(),
        outbox: figures.map_or(0, |leader| leader.outbox),
        parked: figures.map(parked).unwrap_or_default(),
        effects_held: figures.is_some_and(|leader| leader.effects_held),
        quarantined,
        replicas,
    }
}

fn parked(leader: &LiveReplica) -> Vec<ParkedResponse> {
    leader.parked.iter().map(|(row, why)| ParkedResponse { row: *row, why: why.clone() }).collect()
}

fn replica(
    group: &str,
    id: u64,
    node: String,
    role: ReplicaRole,
    leader: Option<&LiveReplica>,
    live: &Live,
) -> ReplicaResponse {
    let seen =
        live.of(group).find(|(on, replica)| *on == node && replica.id == id).map(|(_, replica)| replica);
    let behind = leader.map(|leader| {
        let applied = seen.map_or(0, |seen| leader.applied.saturating_sub(seen.applied));
        if leader.id == id { 0 } else { leader.behind.get(&id).copied().unwrap_or(applied) }
    });
    ReplicaResponse {
        up: live.is_up(&node) && seen.is_some_and(|seen| seen.quarantined.is_none()),
        node,
        role,
        lag: behind.unwrap_or_default(),
        bytes: seen.map_or(0, |seen| seen.bytes),
        applied: seen.map_or(0, |seen| seen.applied),
        restarts: seen.map_or(0, |seen| seen.restarts),
    }
}

/// All nodes that were not removed for good, by name.
fn nodes(records: Option<&State>, live: &Live, groups: &[GroupResponse]) -> Vec<NodeResponse> {
    let mut names: BTreeMap<&str, (Option<&NodeRecord>, Option<&LiveNode>)> = BTreeMap::new();
    for (name, node) in &live.nodes {
        names.insert(name, (None, Some(node)));
    }
    for (name, record) in records.iter().flat_map(|records| &records.nodes) {
        names.entry(name).or_default().0 = Some(record);
    }
    names.retain(|_, (record, _)| record.is_none_or(|record| record.duty != Duty::Gone));
    names.into_iter().map(|(name, (record, live))| node(name, record, live, groups)).collect()
}

/// A node as far as its record and its own words go.
pub fn node(
    name: &str,
    record: Option<&NodeRecord>,
    live: Option<&LiveNode>,
    groups: &[GroupResponse],
) -> NodeResponse {
    let up = live.map_or_else(|| record.is_some_and(|record| record.up), |live| live.up);
    let state = match record.map_or(Duty::Serving, |record| record.duty) {
        Duty::Gone => NodeState::Decommissioned,
        Duty::Serving | Duty::Draining | Duty::Drained | Duty::Leaving if !up => NodeState::Down,
        Duty::Serving => NodeState::Up,
        Duty::Draining | Duty::Leaving => NodeState::Draining,
        Duty::Drained => NodeState::Drained,
    };
    let (quorum, unsafe_because) = without(name, groups);
    let profile = record.map(|record| &record.profile);
    let text = |live: Option<&String>, kept: Option<&String>| live.or(kept).cloned().unwrap_or_default();
    let mine = || groups.iter().flat_map(|group| &group.replicas).filter(|replica| replica.node == name);
    NodeResponse {
        name: name.to_owned(),
        address: text(
            live.map(|live| &live.http_address),
            profile.and_then(|profile| profile.http_address.as_ref()),
        ),
        link_address: profile
            .map(|profile| profile.address.clone())
            .or_else(|| live.and_then(|live| live.link_address.clone())),
        zone: text(live.map(|live| &live.zone), profile.map(|profile| &profile.zone)),
        labels: live
            .map(|live| live.labels.clone())
            .or_else(|| profile.map(|profile| profile.labels.clone()))
            .unwrap_or_default(),
        state,
        safe_to_stop: unsafe_because.is_none(),
        quorum,
        unsafe_because,
        version: text(live.map(|live| &live.version), profile.map(|profile| &profile.version)),
        since: record.map(|record| {
            let changed = if record.up == up { record.since.max(record.duty_since) } else { record.since };
            Instant(changed)
        }),
        groups: mine().count() as u32,
        leaders: groups.iter().filter(|group| group.leader.as_deref() == Some(name)).count() as u32,
        bytes: mine().map(|replica| replica.bytes).sum(),
        disk_free_bytes: live
            .and_then(|live| live.disk_free_bytes)
            .or_else(|| profile.map(|profile| profile.disk_free_bytes)),
        calls_per_second: live
            .map_or(0.0, |live| live.replicas.iter().map(|replica| replica.calls_per_second).sum()),
        restarts: mine().map(|replica| replica.restarts).sum(),
    }
}

/// How the tightest group would stand without a node, and why the node must not be stopped, where it must not.
fn without(node: &str, groups: &[GroupResponse]) -> (String, Option<String>) {
    let stands = |group: &GroupResponse| {
        let here = group
            .replicas
            .iter()
            .find(|replica| replica.node == node && replica.role == ReplicaRole::Voter)?;
        let needed = group.voters / 2 + 1;
        let left = group.voters_up - u32::from(here.up);
        Some((left, needed, group.voters, group.group.clone()))
    };
    let tightest = groups
        .iter()
        .filter_map(stands)
        .min_by_key(|(left, needed, ..)| i64::from(*left) - i64::from(*needed));
    match tightest {
        None => ("it has no voter of any group".to_owned(), None),
        Some((left, needed, voters, group)) => {
            let lost = (left < needed).then(|| {
                format!("{group} would lose its quorum: {left} of {voters} replicas would be left, {needed} are needed")
            });
            (format!("quorum {left}/{voters}"), lost)
        }
    }
}

#[cfg(test)]
mod tests;
