//! Combines the directory's records with the status that nodes report. Pure.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{
    ClusterResponse, ClusterState, GroupResponse, GroupState, MoveResponse, NodeResponse, NodeState,
    ParkedResponse, ReplicaResponse, ReplicaRole,
};
use directory::{GroupRecord, Lifecycle, NodeRecord, State};
use edge::Instant;
use replica::{ObservedNode, ReplicaStatus};

use crate::attention;
use crate::local_view::{LocalView, replicas_of};

/// The cluster's identity, for when the directory does not answer.
#[derive(Debug, Clone)]
pub struct ClusterIdentity {
    pub name: String,
    pub epoch: u64,
    /// Whether this is a single node, which has no directory.
    pub single_node: bool,
}

/// The state of the cluster. `records` is absent when the directory does not answer, or there is none.
pub fn cluster(identity: &ClusterIdentity, records: Option<&State>, view: &LocalView) -> ClusterResponse {
    let groups = groups(records, view);
    let nodes = nodes(records, view, &groups);
    let state = groups.iter().fold(ClusterState::Healthy, |worst, group| match (worst, group.state) {
        (ClusterState::Unavailable, _) | (_, GroupState::Unavailable) => ClusterState::Unavailable,
        (ClusterState::Degraded, _) | (_, GroupState::Degraded) => ClusterState::Degraded,
        (ClusterState::Healthy, GroupState::Healthy) => ClusterState::Healthy,
    });
    let down = nodes.iter().any(|node| node.state == NodeState::Down);
    let state = if down && state == ClusterState::Healthy { ClusterState::Degraded } else { state };
    let version =
        view.nodes.get(&view.here).and_then(|node| Some(node.status.as_ref()?.info.version.clone()));
    let cluster = ClusterResponse {
        name: records.map_or_else(|| identity.name.clone(), |records| records.cluster.name.clone()),
        epoch: records.map_or(identity.epoch, |records| records.cluster.epoch),
        state,
        attention: Vec::new(),
        version: version.unwrap_or_default(),
        answered_by: view.here.clone(),
        nodes,
        groups,
        moves: records.iter().flat_map(|records| &records.moves).map(MoveResponse::from).collect(),
    };
    let replace_after = records.map(|records| records.cluster.settings.replace_after_secs);
    let mut attention =
        attention::sentences(&cluster, records.is_none() && !identity.single_node, replace_after);
    attention.extend(records.and_then(attention::placement_violations));
    ClusterResponse { attention, ..cluster }
}

/// All groups, sorted by name.
fn groups(records: Option<&State>, view: &LocalView) -> Vec<GroupResponse> {
    let known = records.iter().flat_map(|records| records.groups.keys().cloned());
    let reported = view.groups().map(str::to_owned);
    let names: BTreeSet<String> = known.chain(reported).collect();
    names.iter().map(|name| group(name, records.and_then(|records| records.groups.get(name)), view)).collect()
}

/// The members of a group, as known to its leader; without a leader, to the directory; else, as reported by the replicas.
fn members(name: &str, record: Option<&GroupRecord>, view: &LocalView) -> Vec<(u64, String, ReplicaRole)> {
    if let Some((_, leader)) = view.leader(name) {
        let voters = leader.voters.iter().map(|(id, node)| (*id, node.clone(), ReplicaRole::Voter));
        let learners = leader.learners.iter().map(|(id, node)| (*id, node.clone(), ReplicaRole::Learner));
        return voters.chain(learners).collect();
    }
    if let Some(record) = record.filter(|record| !record.replicas.is_empty()) {
        let role = |votes| if votes { ReplicaRole::Voter } else { ReplicaRole::Learner };
        let member = |replica: &directory::ReplicaRecord| {
            (replica.location.replica, replica.location.node.clone(), role(replica.voter))
        };
        return record.replicas.iter().map(member).collect();
    }
    view.replicas(name).map(|(node, replica)| (replica.id, node.to_owned(), ReplicaRole::Voter)).collect()
}

fn group(name: &str, record: Option<&GroupRecord>, view: &LocalView) -> GroupResponse {
    let (service, shard) = name.split_once('/').unwrap_or((name, "0"));
    let leader = view.leader(name);
    let mut replicas: Vec<ReplicaResponse> = members(name, record, view)
        .into_iter()
        .map(|(id, node, role)| replica(name, id, node, role, leader.map(|(_, leader)| leader), view))
        .collect();
    replicas.sort_by(|one, other| one.node.cmp(&other.node));
    let voters = || replicas.iter().filter(|replica| replica.role == ReplicaRole::Voter);
    let (all, up) = (voters().count(), voters().filter(|replica| replica.up).count());
    let wanted = record.map_or(all, |record| usize::from(record.wanted));
    // A leader that lost its majority may not have noticed yet.
    let leader = leader.filter(|_| up > all / 2);
    let quarantined = view.replicas(name).find_map(|(_, replica)| replica.quarantined.clone());
    let state = match leader {
        None => GroupState::Unavailable,
        Some(_) if up < wanted || quarantined.is_some() => GroupState::Degraded,
        Some(_) => GroupState::Healthy,
    };
    // Only the leader has these figures.
    let (node, figures) = leader.map_or((None, None), |(node, leader)| (Some(node.to_owned()), Some(leader)));
    GroupResponse {
        group: name.to_owned(),
        service: service.to_owned(),
        shard: shard.parse().unwrap_or_default(),
        state,
        leader: node,
        term: view.replicas(name).map(|(_, replica)| replica.term).max().unwrap_or_default(),
        voters: all as u32,
        voters_up: up as u32,
        replicas_wanted: wanted as u32,
        bytes: figures.map_or_else(|| record.map_or(0, |record| record.bytes), |leader| leader.bytes),
        calls_per_second: view.replicas(name).map(|(_, replica)| f64::from(replica.calls_per_second)).sum(),
        busy: view.replicas(name).map(|(_, replica)| replica.busy as u64).sum(),
        outbox: figures.map_or(0, |leader| leader.outbox as u64),
        parked: figures.map(parked).unwrap_or_default(),
        effects_held: figures.is_some_and(|leader| leader.effects_held),
        quarantined,
        replicas,
    }
}

fn parked(leader: &ReplicaStatus) -> Vec<ParkedResponse> {
    leader.parked.iter().map(|(row, why)| ParkedResponse { row: *row, why: why.clone() }).collect()
}

fn replica(
    group: &str,
    id: u64,
    node: String,
    role: ReplicaRole,
    leader: Option<&ReplicaStatus>,
    view: &LocalView,
) -> ReplicaResponse {
    let seen = view
        .replicas(group)
        .find(|(on, replica)| *on == node && replica.id == id)
        .map(|(_, replica)| replica);
    let lag = leader.map(|leader| {
        let applied = seen.map_or(0, |seen| leader.applied.saturating_sub(seen.applied));
        if leader.id == id { 0 } else { leader.lag_of(id).unwrap_or(applied) }
    });
    ReplicaResponse {
        up: view.is_up(&node) && seen.is_some_and(|seen| seen.quarantined.is_none()),
        node,
        role,
        lag: lag.unwrap_or_default(),
        bytes: seen.map_or(0, |seen| seen.bytes),
        applied: seen.map_or(0, |seen| seen.applied),
        restarts: seen.map_or(0, |seen| seen.restarts.into()),
    }
}

/// All nodes except decommissioned ones, sorted by name.
fn nodes(records: Option<&State>, view: &LocalView, groups: &[GroupResponse]) -> Vec<NodeResponse> {
    let mut names: BTreeMap<&str, (Option<&NodeRecord>, Option<&ObservedNode>)> = BTreeMap::new();
    for (name, node) in &view.nodes {
        names.insert(name, (None, Some(node)));
    }
    for (name, record) in records.iter().flat_map(|records| &records.nodes) {
        names.entry(name).or_default().0 = Some(record);
    }
    names.retain(|_, (record, _)| record.is_none_or(|record| record.lifecycle != Lifecycle::Decommissioned));
    names.into_iter().map(|(name, (record, observed))| node(name, record, observed, groups)).collect()
}

/// A node, from its record and its reported status.
pub fn node(
    name: &str,
    record: Option<&NodeRecord>,
    observed: Option<&ObservedNode>,
    groups: &[GroupResponse],
) -> NodeResponse {
    let up = observed.map_or_else(|| record.is_some_and(|record| record.up), |observed| observed.live);
    let state = record.map_or(Lifecycle::Active, |record| record.lifecycle).state(up);
    let (quorum, unsafe_because) = without(name, groups);
    let profile = record.map(|record| &record.profile);
    let status = observed.and_then(|observed| observed.status.as_deref());
    let info = status.map(|status| &status.info);
    let mine = || groups.iter().flat_map(|group| &group.replicas).filter(|replica| replica.node == name);
    NodeResponse {
        name: name.to_owned(),
        address: info
            .and_then(|info| info.http_address.clone())
            .or_else(|| profile.and_then(|profile| profile.http_address.clone()))
            .unwrap_or_default(),
        link_address: profile
            .map(|profile| profile.address.clone())
            .or_else(|| info.map(|info| info.address.clone()).filter(|address| !address.is_empty())),
        zone: info
            .map(|info| info.zone.clone())
            .or_else(|| profile.map(|profile| profile.zone.clone()))
            .unwrap_or_default(),
        labels: info
            .map(|info| info.labels.clone())
            .or_else(|| profile.map(|profile| profile.labels.clone()))
            .unwrap_or_default(),
        state,
        safe_to_stop: unsafe_because.is_none(),
        quorum,
        unsafe_because,
        version: info
            .map(|info| info.version.clone())
            .or_else(|| profile.map(|profile| profile.version.clone()))
            .unwrap_or_default(),
        since: record.map(|record| {
            let changed =
                if record.up == up { record.since.max(record.lifecycle_since) } else { record.since };
            Instant(changed)
        }),
        groups: mine().count() as u32,
        leaders: groups.iter().filter(|group| group.leader.as_deref() == Some(name)).count() as u32,
        bytes: mine().map(|replica| replica.bytes).sum(),
        disk_free_bytes: status
            .map(|status| status.disk_free_bytes)
            .or_else(|| profile.map(|profile| profile.disk_free_bytes)),
        calls_per_second: observed
            .into_iter()
            .flat_map(replicas_of)
            .map(|replica| f64::from(replica.calls_per_second))
            .sum(),
        restarts: mine().map(|replica| replica.restarts).sum(),
    }
}

/// The smallest quorum margin without a node, and why the node must not be stopped, if so.
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
pub(crate) mod tests;
