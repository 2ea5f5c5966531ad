//! Moves that the state of the cluster calls for.

use std::cmp::Reverse;

use super::drain::{move_off, remove_without_successor};
use super::projection::Projection;
use super::quorum::{is_lost, is_reachable, quorum_status};
use super::rebalance::{correct_placement, violates_placement};
use super::relocate::after;
use crate::contract::GROUP;
use crate::records::{
    GroupRecord, Lifecycle, MoveCause, Plan, PlannedMove, ReplicaLocation, ReplicaRecord, State,
};

/// At most one move for each group. In this order: lost replicas are replaced, draining nodes are emptied, groups shrink,
/// placement violations are corrected, and groups grow. Groups that have an active move, back off, or have no quorum are
/// skipped.
pub fn repair(state: &State) -> Plan {
    let mut projection = Projection::new(state);
    let mut plan = Plan::default();
    let mut groups: Vec<_> = state.groups.values().filter(|group| is_ready(state, group)).collect();
    // The directory first: everything else depends on it.
    groups.sort_by_key(|group| (group.group != GROUP, group.service.clone(), group.shard));
    for step in [replace_lost, empty, shrink, apply_rules, grow] {
        for group in &groups {
            if plan.moves.iter().any(|planned| planned.group == group.group) {
                continue;
            }
            let Some(planned) = step(state, &projection, group) else { continue };
            if !after(state, group, &planned).has_quorum() {
                continue;
            }
            for to in &planned.to {
                projection.arrives(&group.group, to);
            }
            for location in planned.remove.iter().filter(|location| !planned.to.contains(&location.node)) {
                projection.leaves(&group.group, &location.node);
            }
            plan.moves.push(planned);
        }
    }
    plan
}

/// Whether a draining node still has something to move: now, or once its groups stop backing off.
pub fn has_pending_removals(state: &State, node: &str) -> bool {
    if state.moves.iter().any(|record| record.concerns(node)) {
        return true;
    }
    let mut rested = state.clone();
    for group in rested.groups.values_mut() {
        group.backoff_until = None;
    }
    repair(&rested).moves.iter().any(|planned| planned.remove.iter().any(|location| location.node == node))
}

fn is_ready(state: &State, group: &GroupRecord) -> bool {
    group.voters().next().is_some()
        && group.moving.is_none()
        && group.backoff_until.is_none_or(|until| until <= state.now)
        && quorum_status(state, group, None).has_quorum()
}

fn planned(
    group: &GroupRecord,
    to: Vec<String>,
    remove: Vec<ReplicaLocation>,
    cause: MoveCause,
) -> PlannedMove {
    PlannedMove { group: group.group.clone(), to, remove, leader_only: false, cause }
}

/// Replaces a lost replica on the best node: on its own node if only its disk was lost.
fn replace_lost(state: &State, projection: &Projection<'_>, group: &GroupRecord) -> Option<PlannedMove> {
    let lost = group.voters().find(|replica| is_lost(state, replica))?;
    let remove = vec![lost.location.clone()];
    let keep: Vec<&str> = group
        .voters()
        .filter(|replica| replica.location != lost.location)
        .map(|replica| replica.location.node.as_str())
        .collect();
    let own = lost.location.node.as_str();
    let to = match projection.may_take(group, own, &remove) {
        Ok(()) if lost.lost_since.is_some() => own.to_owned(),
        _ => projection.best(group, &keep, &remove).ok()?,
    };
    Some(planned(group, vec![to], remove, MoveCause::Repair))
}

/// Moves replicas off draining nodes.
fn empty(state: &State, projection: &Projection<'_>, group: &GroupRecord) -> Option<PlannedMove> {
    for replica in group.voters() {
        let Some(node) = state.nodes.get(&replica.location.node) else { continue };
        let planned = match node.lifecycle {
            Lifecycle::Draining => move_off(projection, group, node, MoveCause::Drain).ok(),
            Lifecycle::Decommissioning => move_off(projection, group, node, MoveCause::Decommission)
                .or_else(|no_place| remove_without_successor(state, group, node.name(), no_place))
                .ok(),
            Lifecycle::Active | Lifecycle::Drained | Lifecycle::Decommissioned => None,
        };
        if planned.is_some() {
            return planned;
        }
    }
    None
}

/// Corrects placement violations. After shrinking, which copies no data.
fn apply_rules(state: &State, projection: &Projection<'_>, group: &GroupRecord) -> Option<PlannedMove> {
    correct_placement(state, projection, group, MoveCause::Settings)
}

/// Adds replicas up to the wanted number, if there are nodes for them. Always to an odd number: an even one tolerates no
/// more failures than the odd one below it.
fn grow(state: &State, projection: &Projection<'_>, group: &GroupRecord) -> Option<PlannedMove> {
    let have = group.voters().count();
    let wanted = usize::from(group.wanted);
    // An unreachable replica must return or be replaced first: the new number of voters would otherwise need it.
    if !group.voters().all(|replica| is_reachable(state, replica)) {
        return None;
    }
    let mut keep: Vec<String> = group.voters().map(|replica| replica.location.node.clone()).collect();
    let mut to = Vec::new();
    while have + to.len() < wanted {
        let kept: Vec<&str> = keep.iter().map(String::as_str).collect();
        let Some(node) = next_best(projection, group, &kept) else { break };
        keep.push(node.clone());
        to.push(node);
    }
    if (have + to.len()).is_multiple_of(2) {
        to.pop();
    }
    (!to.is_empty()).then(|| planned(group, to, Vec::new(), MoveCause::Growth))
}

/// The best node for one more replica.
fn next_best(projection: &Projection<'_>, group: &GroupRecord, keep: &[&str]) -> Option<String> {
    let fits = |node: &str| !keep.contains(&node) && projection.may_take(group, node, &[]).is_ok();
    let takers = projection.takers().map(|node| node.name().to_owned()).filter(|node| fits(node));
    takers.min_by_key(|node| {
        let zone_skew = projection.zone_skew(keep.iter().copied().chain([node.as_str()]));
        (zone_skew, projection.load(node), projection.shards_on(node, &group.service), node.clone())
    })
}

/// Removes replicas above the wanted number: unreachable ones first, then placement violations, then those in crowded
/// zones, then those on full nodes. The leader only if it violates a placement rule.
fn shrink(state: &State, projection: &Projection<'_>, group: &GroupRecord) -> Option<PlannedMove> {
    let many = group.voters().count().saturating_sub(usize::from(group.wanted));
    let violates = |replica: &ReplicaRecord| violates_placement(state, projection, group, replica);
    let leads = |replica: &ReplicaRecord| group.leader.as_ref() == Some(&replica.location.node);
    let mut stay: Vec<_> = group.voters().collect();
    let mut remove = Vec::new();
    for _ in 0..many {
        let (at, _) =
            stay.iter().enumerate().filter(|(_, replica)| !leads(replica) || violates(replica)).min_by_key(
                |(at, replica)| {
                    let others = stay.iter().enumerate().filter(|(other, _)| other != at);
                    let zone_skew =
                        projection.zone_skew(others.map(|(_, replica)| replica.location.node.as_str()));
                    let loaded = Reverse(projection.load(&replica.location.node));
                    (is_reachable(state, replica), !violates(replica), leads(replica), zone_skew, loaded)
                },
            )?;
        remove.push(stay.remove(at).location.clone());
    }
    (!remove.is_empty()).then(|| planned(group, Vec::new(), remove, MoveCause::Settings))
}
