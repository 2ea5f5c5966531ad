//! Invariants of the directory: pure checks that return one line for each violation.

use std::collections::{BTreeMap, BTreeSet};

use group::View;

use crate::records::{Lifecycle, MoveId, MovePhase};
use crate::state::{MOVES, Rows};

/// Checks all invariants.
pub fn all(view: &View<'_>) -> Vec<String> {
    [
        no_group_is_twice_on_a_node(view),
        no_former_replica_is_one_again(view),
        a_group_has_one_move_at_a_time(view),
        replicas_are_on_known_nodes(view),
        learners_belong_to_a_move(view),
        every_shard_has_a_group(view),
    ]
    .concat()
}

/// Except for a lost replica beside its replacement.
pub fn no_group_is_twice_on_a_node(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        let mut nodes = BTreeSet::new();
        for replica in group.replicas.iter().filter(|replica| replica.lost_since.is_none()) {
            if !nodes.insert(&replica.location.node) {
                violations.push(format!("{} is twice on {}", group.group, replica.location.node));
            }
        }
    }
    violations
}

/// Raft ids are never reused.
pub fn no_former_replica_is_one_again(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        let mut ids = BTreeSet::new();
        for replica in &group.replicas {
            let id = replica.location.replica;
            if group.former.contains(&id) || !ids.insert(id) {
                violations.push(format!(
                    "{}: the id of the replica on {} was used before",
                    group.group, replica.location.node
                ));
            }
        }
    }
    violations
}

/// The move and the group refer to each other.
pub fn a_group_has_one_move_at_a_time(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    let moving: BTreeMap<MoveId, String> =
        view.groups().into_iter().filter_map(|group| group.moving.map(|id| (id, group.group))).collect();
    for (_, record) in view.all(&MOVES) {
        let by_group = moving.get(&record.id) == Some(&record.group);
        if by_group == record.phase.is_final() {
            violations.push(format!(
                "{} is {}, its group {} says otherwise",
                record.id, record.phase, record.group
            ));
        }
    }
    for (id, group) in moving {
        if view.move_record(id).is_none() {
            violations.push(format!("{group} is moved by {id}, which is not there"));
        }
    }
    violations
}

/// Decommissioned nodes have no replicas.
pub fn replicas_are_on_known_nodes(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        for replica in &group.replicas {
            match view.node(&replica.location.node) {
                Some(node) if node.lifecycle != Lifecycle::Decommissioned => {}
                Some(_) | None => {
                    violations
                        .push(format!("{} is on {}, which is no member", group.group, replica.location.node));
                }
            }
        }
    }
    violations
}

/// A learner is added or removed by the group's active move.
pub fn learners_belong_to_a_move(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        let record = group.moving.and_then(|id| view.move_record(id));
        for replica in group.replicas.iter().filter(|replica| !replica.voter) {
            let joins = record.as_ref().is_some_and(|record| {
                record.add.iter().any(|target| target.replica == Some(replica.location.replica))
                    && (record.phase != MovePhase::Removing || record.abort.is_some())
            });
            if !joins {
                violations.push(format!(
                    "{} has a learner on {} that no move wants",
                    group.group, replica.location.node
                ));
            }
        }
    }
    violations
}

/// Every shard of every service has a group.
pub fn every_shard_has_a_group(view: &View<'_>) -> Vec<String> {
    let Some(cluster) = view.cluster() else { return Vec::new() };
    let mut violations = Vec::new();
    for (service, settings) in &cluster.settings.services {
        for shard in 0..settings.shards {
            let name = format!("{service}/{shard}");
            match view.group(&name) {
                None => violations.push(format!("{name} has no record")),
                Some(group) if group.replicas.is_empty() == group.bootstrap_node.is_none() => {
                    violations.push(format!("{name} has neither or both of a bootstrap_node and replicas"));
                }
                Some(_) => {}
            }
        }
    }
    violations
}
