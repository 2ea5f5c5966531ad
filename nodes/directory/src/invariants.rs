//! What must always hold. Pure checks over a view, one line for each violation.

use std::collections::{BTreeMap, BTreeSet};

use group::View;

use crate::records::{Duty, MoveId, Phase};
use crate::state::{MOVES, Rows};

/// All of them.
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

/// But for one whose disk was lost, beside its successor.
pub fn no_group_is_twice_on_a_node(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        let mut nodes = BTreeSet::new();
        for replica in group.replicas.iter().filter(|replica| replica.gone_since.is_none()) {
            if !nodes.insert(&replica.home.node) {
                violations.push(format!("{} is twice on {}", group.group, replica.home.node));
            }
        }
    }
    violations
}

/// A raft id is used once.
pub fn no_former_replica_is_one_again(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        let mut ids = BTreeSet::new();
        for replica in &group.replicas {
            let id = replica.home.replica;
            if group.former.contains(&id) || !ids.insert(id) {
                violations.push(format!(
                    "{}: the id of the replica on {} was used before",
                    group.group, replica.home.node
                ));
            }
        }
    }
    violations
}

/// And both say so.
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
        if view.movement(id).is_none() {
            violations.push(format!("{group} is moved by {id}, which is not there"));
        }
    }
    violations
}

/// And not on one that was removed for good.
pub fn replicas_are_on_known_nodes(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        for replica in &group.replicas {
            match view.node(&replica.home.node) {
                Some(node) if node.duty != Duty::Gone => {}
                Some(_) | None => {
                    violations
                        .push(format!("{} is on {}, which is no member", group.group, replica.home.node));
                }
            }
        }
    }
    violations
}

/// A replica that only listens is on its way to vote, or to leave.
pub fn learners_belong_to_a_move(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for group in view.groups() {
        let record = group.moving.and_then(|id| view.movement(id));
        for replica in group.replicas.iter().filter(|replica| !replica.voter) {
            let joins = record.as_ref().is_some_and(|record| {
                record.add.iter().any(|joining| joining.replica == Some(replica.home.replica))
                    && (record.phase != Phase::Removing || record.ending.is_some())
            });
            if !joins {
                violations.push(format!(
                    "{} has a learner on {} that no move wants",
                    group.group, replica.home.node
                ));
            }
        }
    }
    violations
}

/// Of every service.
pub fn every_shard_has_a_group(view: &View<'_>) -> Vec<String> {
    let Some(cluster) = view.cluster() else { return Vec::new() };
    let mut violations = Vec::new();
    for (service, settings) in &cluster.settings.services {
        for shard in 0..settings.shards {
            let name = format!("{service}/{shard}");
            match view.group(&name) {
                None => violations.push(format!("{name} has no record")),
                Some(group) if group.replicas.is_empty() == group.founder.is_none() => {
                    violations.push(format!("{name} has neither or both of a founder and replicas"));
                }
                Some(_) => {}
            }
        }
    }
    violations
}
