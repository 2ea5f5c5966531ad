//! What the state of the cluster asks for by itself.

use std::cmp::Reverse;

use super::draft::Draft;
use super::empty::{give_up, vacate};
use super::even::{is_astray, unruly};
use super::relocate::after;
use super::standing::{answers, is_lost, standing};
use crate::contract::GROUP;
use crate::records::{Cause, Duty, GroupRecord, Home, Plan, Planned, ReplicaRecord, State};

/// At most one move for each group: lost replicas are replaced, then nodes are emptied that are to be, then groups shrink
/// to what is wanted, leave places that the rules forbid, and grow to what is wanted. Groups that are busy, rest, or have
/// no quorum are left alone.
pub fn tend(state: &State) -> Plan {
    let mut draft = Draft::new(state);
    let mut plan = Plan::default();
    let mut groups: Vec<_> = state.groups.values().filter(|group| is_ready(state, group)).collect();
    // Everything else depends on the directory's own.
    groups.sort_by_key(|group| (group.group != GROUP, group.service.clone(), group.shard));
    for step in [repair, empty, shrink, obey, grow] {
        for group in &groups {
            if plan.moves.iter().any(|planned| planned.group == group.group) {
                continue;
            }
            let Some(planned) = step(state, &draft, group) else { continue };
            if !after(state, group, &planned).holds() {
                continue;
            }
            for to in &planned.to {
                draft.arrives(&group.group, to);
            }
            for home in planned.remove.iter().filter(|home| !planned.to.contains(&home.node)) {
                draft.leaves(&group.group, &home.node);
            }
            plan.moves.push(planned);
        }
    }
    plan
}

/// Whether something is still to go from a node that is being emptied: at once, or when its group has rested.
pub fn is_to_lose(state: &State, node: &str) -> bool {
    if state.moves.iter().any(|record| record.concerns(node)) {
        return true;
    }
    let mut rested = state.clone();
    for group in rested.groups.values_mut() {
        group.rests_until = None;
    }
    tend(&rested).moves.iter().any(|planned| planned.remove.iter().any(|home| home.node == node))
}

fn is_ready(state: &State, group: &GroupRecord) -> bool {
    group.voters().next().is_some()
        && group.moving.is_none()
        && group.rests_until.is_none_or(|until| until <= state.now)
        && standing(state, group, None).holds()
}

fn planned(group: &GroupRecord, to: Vec<String>, remove: Vec<Home>, cause: Cause) -> Planned {
    Planned { group: group.group.clone(), to, remove, leader_only: false, cause }
}

/// A lost replica is made again where that is best: on its own node, if only its disk was lost.
fn repair(state: &State, draft: &Draft<'_>, group: &GroupRecord) -> Option<Planned> {
    let lost = group.voters().find(|replica| is_lost(state, replica))?;
    let remove = vec![lost.home.clone()];
    let keep: Vec<&str> = group
        .voters()
        .filter(|replica| replica.home != lost.home)
        .map(|replica| replica.home.node.as_str())
        .collect();
    let own = lost.home.node.as_str();
    let to = match draft.may_take(group, own, &remove) {
        Ok(()) if lost.gone_since.is_some() => own.to_owned(),
        _ => draft.best(group, &keep, &remove).ok()?,
    };
    Some(planned(group, vec![to], remove, Cause::Repair))
}

/// Nodes that are being emptied give their replicas away.
fn empty(state: &State, draft: &Draft<'_>, group: &GroupRecord) -> Option<Planned> {
    for replica in group.voters() {
        let Some(node) = state.nodes.get(&replica.home.node) else { continue };
        let planned = match node.duty {
            Duty::Draining => vacate(draft, group, node, Cause::Drain).ok(),
            Duty::Leaving => vacate(draft, group, node, Cause::Decommission)
                .or_else(|no_place| give_up(state, group, node.name(), no_place))
                .ok(),
            Duty::Serving | Duty::Drained | Duty::Gone => None,
        };
        if planned.is_some() {
            return planned;
        }
    }
    None
}

/// Replicas leave where the rules, which may have changed, do not let them be; after those that are too many, for nothing
/// has to be carried for these.
fn obey(state: &State, draft: &Draft<'_>, group: &GroupRecord) -> Option<Planned> {
    unruly(state, draft, group, Cause::Settings)
}

/// A group has as many replicas as are wanted, where there are nodes for them; an odd number always, for an even one
/// survives no more losses than the odd one below it.
fn grow(state: &State, draft: &Draft<'_>, group: &GroupRecord) -> Option<Planned> {
    let have = group.voters().count();
    let wanted = usize::from(group.wanted);
    // One that is away would be counted as if it helped: first it comes back, or is replaced.
    if !group.voters().all(|replica| answers(state, replica)) {
        return None;
    }
    let mut keep: Vec<String> = group.voters().map(|replica| replica.home.node.clone()).collect();
    let mut to = Vec::new();
    while have + to.len() < wanted {
        let kept: Vec<&str> = keep.iter().map(String::as_str).collect();
        let Some(node) = next_best(draft, group, &kept) else { break };
        keep.push(node.clone());
        to.push(node);
    }
    if (have + to.len()).is_multiple_of(2) {
        to.pop();
    }
    (!to.is_empty()).then(|| planned(group, to, Vec::new(), Cause::Growth))
}

/// The node that takes one more replica best, of those that have none and take none in this plan.
fn next_best(draft: &Draft<'_>, group: &GroupRecord, keep: &[&str]) -> Option<String> {
    let fits = |node: &str| !keep.contains(&node) && draft.may_take(group, node, &[]).is_ok();
    let takers = draft.takers().map(|node| node.name().to_owned()).filter(|node| fits(node));
    takers.min_by_key(|node| {
        let crowding = draft.crowding(keep.iter().copied().chain([node.as_str()]));
        (crowding, draft.load(node), draft.shards_on(node, &group.service), node.clone())
    })
}

/// More replicas than are wanted: those go that are away, then those where the rules forbid them, then those that crowd a
/// zone, then those on full nodes; the one that leads only where the rules forbid it.
fn shrink(state: &State, draft: &Draft<'_>, group: &GroupRecord) -> Option<Planned> {
    let many = group.voters().count().saturating_sub(usize::from(group.wanted));
    let astray = |replica: &ReplicaRecord| is_astray(state, draft, group, replica);
    let leads = |replica: &ReplicaRecord| group.leader.as_ref() == Some(&replica.home.node);
    let mut stay: Vec<_> = group.voters().collect();
    let mut remove = Vec::new();
    for _ in 0..many {
        let (at, _) =
            stay.iter().enumerate().filter(|(_, replica)| !leads(replica) || astray(replica)).min_by_key(
                |(at, replica)| {
                    let others = stay.iter().enumerate().filter(|(other, _)| other != at);
                    let crowding = draft.crowding(others.map(|(_, replica)| replica.home.node.as_str()));
                    let loaded = Reverse(draft.load(&replica.home.node));
                    (answers(state, replica), !astray(replica), leads(replica), crowding, loaded)
                },
            )?;
        remove.push(stay.remove(at).home.clone());
    }
    (!remove.is_empty()).then(|| planned(group, Vec::new(), remove, Cause::Settings))
}
