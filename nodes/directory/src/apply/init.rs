//! Initializes the cluster: its record, its first nodes, and a bootstrap node for each group.

use std::collections::BTreeMap;

use group::Turn;
use protocol::codec;

use super::configure::check;
use super::node_up::{check_profile, is_name};
use crate::contract::{GROUP, InitCluster, Refusal, SERVICE};
use crate::plan;
use crate::records::{
    Cluster, ClusterInit, GroupRecord, Lifecycle, NodeRecord, ReplicaLocation, ReplicaRecord, State,
};
use crate::service::Directory;
use crate::state::{CLUSTER, GROUPS_MAX, INIT_DIGEST, Rows, audit, put_group, put_node};

pub(crate) fn init(
    turn: &mut Turn<'_, Directory>,
    InitCluster { cluster: init }: InitCluster,
) -> Result<(), Refusal> {
    let digest = codec::hash128(&[&codec::encode(&*init)]);
    if let Some(cluster) = turn.cluster() {
        // A retry with the same content succeeds.
        if turn.get(&INIT_DIGEST, &0) == Some(digest) {
            return Ok(());
        }
        return Err(Refusal::AlreadyInitialized { name: cluster.name });
    }
    let mut state = initial_state(turn, *init)?;
    let founders = plan::bootstrap_nodes(&state)?;

    turn.put(&INIT_DIGEST, &0, &digest);
    turn.put(&CLUSTER, &0, &state.cluster);
    for node in state.nodes.values() {
        put_node(turn, node);
    }
    for (name, group) in &mut state.groups {
        if let Some(bootstrap_node) = founders.get(name) {
            group.bootstrap_node = Some(bootstrap_node.clone());
        }
        put_group(turn, group);
    }
    let detail = format!("{} nodes, {} groups", state.nodes.len(), state.groups.len());
    audit(turn, "found", &state.cluster.name, detail);
    Ok(())
}

/// The initial state, without bootstrap nodes.
fn initial_state(turn: &Turn<'_, Directory>, init: ClusterInit) -> Result<State, Refusal> {
    let invalid = |field: &str, why: &str| Refusal::Invalid { field: field.to_owned(), why: why.to_owned() };
    let ClusterInit { name, epoch, mut settings, nodes, placed } = init;
    settings.services.entry(SERVICE.to_owned()).or_default();
    if !is_name(&name) {
        return Err(invalid("name", "a cluster's name is a DNS label in small letters"));
    }
    if epoch == 0 {
        return Err(invalid("epoch", "1 or more"));
    }
    check(&settings)?;
    let now = turn.now();
    let mut members = BTreeMap::new();
    for profile in nodes {
        check_profile(&profile)?;
        let name = profile.name.clone();
        let record = NodeRecord {
            profile,
            up: true,
            since: now,
            lifecycle: Lifecycle::Active,
            lifecycle_since: now,
            joined_at: now,
        };
        if members.insert(name, record).is_some() {
            return Err(invalid("nodes", "two nodes of one name"));
        }
    }
    if members.is_empty() {
        return Err(invalid("nodes", "at least one"));
    }
    let mut groups = BTreeMap::new();
    for (service, of) in &settings.services {
        for shard in 0..of.shards {
            let group = fresh(service, shard, of.replicas);
            groups.insert(group.group.clone(), group);
        }
    }
    if groups.len() > GROUPS_MAX {
        return Err(Refusal::TooMany { what: "groups".to_owned(), max: GROUPS_MAX as u32 });
    }
    if !placed.contains_key(GROUP) {
        return Err(invalid("placed", "the directory's own group has to be there already"));
    }
    for (name, location) in placed {
        if !members.contains_key(&location.node) {
            return Err(Refusal::NoSuchNode { node: location.node });
        }
        let group = groups.get_mut(&name).ok_or(Refusal::NoSuchGroup { group: name })?;
        group.leader = Some(location.node.clone());
        group.replicas = vec![voter(location)];
    }
    let cluster = Cluster { name, epoch, settings, created_at: now, denied: Vec::new() };
    Ok(State { revision: 0, now, cluster, nodes: members, groups, moves: Vec::new() })
}

fn fresh(service: &str, shard: u16, wanted: u8) -> GroupRecord {
    GroupRecord {
        group: format!("{service}/{shard}"),
        service: service.to_owned(),
        shard,
        wanted,
        replicas: Vec::new(),
        bootstrap_node: None,
        moving: None,
        former: Vec::new(),
        backoff_until: None,
        leader: None,
        bytes: 0,
    }
}

/// A voter that is not lost.
pub(crate) fn voter(location: ReplicaLocation) -> ReplicaRecord {
    ReplicaRecord { location, voter: true, lost_since: None }
}
