//! Evening groups and leaders out over the nodes.

use std::cmp::Reverse;

use super::draft::Draft;
use super::leaders::leaders;
use super::relocate::after;
use super::standing::{answers, standing};
use crate::records::{Cause, GroupRecord, Plan, Planned, ReplicaRecord, State};

/// Moves that one plan has at most; the next plan has the rest.
const MOVES_MAX: usize = 256;

/// Replicas leave places that the rules forbid, spread over zones, and even out over nodes; then leaders even out among
/// the groups that stay where they are.
pub fn rebalance(state: &State) -> Plan {
    let mut draft = Draft::new(state);
    let mut plan = Plan::default();
    let groups: Vec<&GroupRecord> = state
        .groups
        .values()
        .filter(|group| group.moving.is_none() && standing(state, group, None).holds())
        .collect();
    for group in &groups {
        if let Some(planned) =
            unruly(state, &draft, group, Cause::Rebalance).or_else(|| crowded(state, &draft, group))
        {
            push(&mut plan, &mut draft, planned);
        }
    }
    while plan.moves.len() < MOVES_MAX {
        let Some(planned) = uneven(state, &draft, &groups, &plan) else { break };
        push(&mut plan, &mut draft, planned);
    }
    for handover in leaders(state) {
        if !plan.moves.iter().any(|planned| planned.group == handover.group) {
            plan.moves.push(Planned {
                group: handover.group,
                to: vec![handover.to],
                remove: Vec::new(),
                leader_only: true,
                cause: Cause::Rebalance,
            });
        }
    }
    plan
}

fn push(plan: &mut Plan, draft: &mut Draft<'_>, planned: Planned) {
    draft.arrives(&planned.group, &planned.to[0]);
    draft.leaves(&planned.group, &planned.remove[0].node);
    plan.moves.push(planned);
}

/// The move of one replica, if the group keeps its quorum by it.
fn shift(
    state: &State,
    group: &GroupRecord,
    replica: &ReplicaRecord,
    to: String,
    cause: Cause,
) -> Option<Planned> {
    let planned = Planned {
        group: group.group.clone(),
        to: vec![to],
        remove: vec![replica.home.clone()],
        leader_only: false,
        cause,
    };
    after(state, group, &planned).holds().then_some(planned)
}

fn others<'a>(group: &'a GroupRecord, without: &ReplicaRecord) -> Vec<&'a str> {
    let nodes = group.voters().map(|replica| replica.home.node.as_str());
    nodes.filter(|node| *node != without.home.node).collect()
}

/// A replica where the rules, which may have changed, do not let it be. Where no other node may take it, it stays: fewer
/// copies than there should be are worse than a copy in a wrong place.
pub(super) fn unruly(state: &State, draft: &Draft<'_>, group: &GroupRecord, cause: Cause) -> Option<Planned> {
    // What is away is replaced elsewhere if it does not come back.
    let here = group.voters().filter(|replica| answers(state, replica));
    let astray = here.filter(|replica| is_astray(state, draft, group, replica));
    let mut moves = astray.filter_map(|replica| {
        let to = draft.best(group, &others(group, replica), &[]).ok()?;
        shift(state, group, replica, to, cause)
    });
    moves.next()
}

/// Whether the rules do not let a replica be where it is.
pub(super) fn is_astray(
    state: &State,
    draft: &Draft<'_>,
    group: &GroupRecord,
    replica: &ReplicaRecord,
) -> bool {
    state.nodes.get(&replica.home.node).is_some_and(|node| draft.check_rules(group, node).is_err())
}

/// Replicas where the rules do not let them be, as (group, node): each until another node may take it.
pub fn astray(state: &State) -> Vec<(String, String)> {
    let draft = Draft::new(state);
    let astray = state.groups.values().flat_map(|group| {
        let found = group.voters().filter(|replica| is_astray(state, &draft, group, replica));
        found.map(|replica| (group.group.clone(), replica.home.node.clone())).collect::<Vec<_>>()
    });
    astray.collect()
}

/// Two replicas in one zone while another zone has none.
fn crowded(state: &State, draft: &Draft<'_>, group: &GroupRecord) -> Option<Planned> {
    let now = draft.crowding(group.voters().map(|replica| replica.home.node.as_str()));
    if now == 0 {
        return None;
    }
    let candidates = group.voters().filter_map(|replica| {
        let keep = others(group, replica);
        let to = draft.best(group, &keep, &[]).ok()?;
        let then = draft.crowding(keep.iter().copied().chain([to.as_str()]));
        (then < now).then_some((then, Reverse(draft.load(&replica.home.node)), replica, to))
    });
    let (.., replica, to) =
        candidates.min_by_key(|(then, room, replica, _)| (*then, *room, &replica.home))?;
    shift(state, group, replica, to, Cause::Rebalance)
}

/// A replica on a node that has two more than another that may take it, without crowding a zone.
fn uneven(state: &State, draft: &Draft<'_>, groups: &[&GroupRecord], plan: &Plan) -> Option<Planned> {
    let mut nodes: Vec<&str> = draft.takers().map(|node| node.name()).collect();
    nodes.sort_by_key(|node| (draft.load(node), (*node).to_owned()));
    for from in nodes.iter().rev() {
        for to in nodes.iter().take_while(|to| draft.load(from) >= draft.load(to) + 2) {
            let mut best = None;
            for group in groups {
                if plan.moves.iter().any(|planned| planned.group == group.group) {
                    continue;
                }
                let mut voters = group.voters();
                let Some(replica) = voters.find(|replica| replica.home.node == *from) else { continue };
                if !answers(state, replica) || draft.may_take(group, to, &[]).is_err() {
                    continue;
                }
                let keep = others(group, replica);
                let now = draft.crowding(keep.iter().copied().chain([*from]));
                if draft.crowding(keep.iter().copied().chain([*to])) > now {
                    continue;
                }
                // Shards of one service are spread first, then small groups go rather than large ones.
                let shards = Reverse(draft.shards_on(from, &group.service));
                let score = (shards, draft.shards_on(to, &group.service), group.bytes, group.group.clone());
                if best.as_ref().is_none_or(|(least, _): &(_, Planned)| score < *least)
                    && let Some(planned) = shift(state, group, replica, (*to).to_owned(), Cause::Rebalance)
                {
                    best = Some((score, planned));
                }
            }
            if let Some((_, planned)) = best {
                return Some(planned);
            }
        }
    }
    None
}
