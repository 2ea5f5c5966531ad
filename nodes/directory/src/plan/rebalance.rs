//! Balancing groups and leaders over the nodes.

use std::cmp::Reverse;

use super::leaders::leaders;
use super::projection::Projection;
use super::quorum::{is_reachable, quorum_status};
use super::relocate::after;
use crate::records::{GroupRecord, MoveCause, Plan, PlannedMove, ReplicaRecord, State};

/// Largest number of moves in one plan; the next plan has the rest.
const MOVES_MAX: usize = 256;

/// Corrects placement violations, spreads replicas over zones, and balances replicas over nodes; then balances the
/// leaders of groups that do not move.
pub fn rebalance(state: &State) -> Plan {
    let mut projection = Projection::new(state);
    let mut plan = Plan::default();
    let groups: Vec<&GroupRecord> = state
        .groups
        .values()
        .filter(|group| group.moving.is_none() && quorum_status(state, group, None).has_quorum())
        .collect();
    for group in &groups {
        if let Some(planned) = correct_placement(state, &projection, group, MoveCause::Rebalance)
            .or_else(|| spread_over_zones(state, &projection, group))
        {
            push(&mut plan, &mut projection, planned);
        }
    }
    while plan.moves.len() < MOVES_MAX {
        let Some(planned) = level_load(state, &projection, &groups, &plan) else { break };
        push(&mut plan, &mut projection, planned);
    }
    for handover in leaders(state) {
        if !plan.moves.iter().any(|planned| planned.group == handover.group) {
            plan.moves.push(PlannedMove {
                group: handover.group,
                to: vec![handover.to],
                remove: Vec::new(),
                leader_only: true,
                cause: MoveCause::Rebalance,
            });
        }
    }
    plan
}

fn push(plan: &mut Plan, projection: &mut Projection<'_>, planned: PlannedMove) {
    projection.arrives(&planned.group, &planned.to[0]);
    projection.leaves(&planned.group, &planned.remove[0].node);
    plan.moves.push(planned);
}

/// A move of one replica, if the group keeps its quorum.
fn move_replica(
    state: &State,
    group: &GroupRecord,
    replica: &ReplicaRecord,
    to: String,
    cause: MoveCause,
) -> Option<PlannedMove> {
    let planned = PlannedMove {
        group: group.group.clone(),
        to: vec![to],
        remove: vec![replica.location.clone()],
        leader_only: false,
        cause,
    };
    after(state, group, &planned).has_quorum().then_some(planned)
}

fn others<'a>(group: &'a GroupRecord, without: &ReplicaRecord) -> Vec<&'a str> {
    let nodes = group.voters().map(|replica| replica.location.node.as_str());
    nodes.filter(|node| *node != without.location.node).collect()
}

/// Moves a replica that violates a placement rule, for example after the rules changed. If no other node may take it, it
/// remains: too few copies are worse than a misplaced one.
pub(super) fn correct_placement(
    state: &State,
    projection: &Projection<'_>,
    group: &GroupRecord,
    cause: MoveCause,
) -> Option<PlannedMove> {
    // Replicas that cannot be reached are replaced elsewhere if they do not return.
    let here = group.voters().filter(|replica| is_reachable(state, replica));
    let placement_violations = here.filter(|replica| violates_placement(state, projection, group, replica));
    let mut moves = placement_violations.filter_map(|replica| {
        let to = projection.best(group, &others(group, replica), &[]).ok()?;
        move_replica(state, group, replica, to, cause)
    });
    moves.next()
}

/// Whether a replica violates a placement rule.
pub(super) fn violates_placement(
    state: &State,
    projection: &Projection<'_>,
    group: &GroupRecord,
    replica: &ReplicaRecord,
) -> bool {
    state.nodes.get(&replica.location.node).is_some_and(|node| projection.check_rules(group, node).is_err())
}

/// All replicas that violate a placement rule, as (group, node).
pub fn placement_violations(state: &State) -> Vec<(String, String)> {
    let projection = Projection::new(state);
    let placement_violations = state.groups.values().flat_map(|group| {
        let found = group.voters().filter(|replica| violates_placement(state, &projection, group, replica));
        found.map(|replica| (group.group.clone(), replica.location.node.clone())).collect::<Vec<_>>()
    });
    placement_violations.collect()
}

/// Moves a replica out of a zone that has several, to a zone that has none.
fn spread_over_zones(state: &State, projection: &Projection<'_>, group: &GroupRecord) -> Option<PlannedMove> {
    let now = projection.zone_skew(group.voters().map(|replica| replica.location.node.as_str()));
    if now == 0 {
        return None;
    }
    let candidates = group.voters().filter_map(|replica| {
        let keep = others(group, replica);
        let to = projection.best(group, &keep, &[]).ok()?;
        let then = projection.zone_skew(keep.iter().copied().chain([to.as_str()]));
        (then < now).then_some((then, Reverse(projection.load(&replica.location.node)), replica, to))
    });
    let (.., replica, to) =
        candidates.min_by_key(|(then, load, replica, _)| (*then, *load, &replica.location))?;
    move_replica(state, group, replica, to, MoveCause::Rebalance)
}

/// Moves a replica from a node to another one with at least two groups fewer, if the spread over zones does not get worse.
fn level_load(
    state: &State,
    projection: &Projection<'_>,
    groups: &[&GroupRecord],
    plan: &Plan,
) -> Option<PlannedMove> {
    let mut nodes: Vec<&str> = projection.takers().map(|node| node.name()).collect();
    nodes.sort_by_key(|node| (projection.load(node), (*node).to_owned()));
    for from in nodes.iter().rev() {
        for to in nodes.iter().take_while(|to| projection.load(from) >= projection.load(to) + 2) {
            let mut best = None;
            for group in groups {
                if plan.moves.iter().any(|planned| planned.group == group.group) {
                    continue;
                }
                let mut voters = group.voters();
                let Some(replica) = voters.find(|replica| replica.location.node == *from) else { continue };
                if !is_reachable(state, replica) || projection.may_take(group, to, &[]).is_err() {
                    continue;
                }
                let keep = others(group, replica);
                let now = projection.zone_skew(keep.iter().copied().chain([*from]));
                if projection.zone_skew(keep.iter().copied().chain([*to])) > now {
                    continue;
                }
                // Spreads shards of one service first, then prefers small groups.
                let shards = Reverse(projection.shards_on(from, &group.service));
                let score =
                    (shards, projection.shards_on(to, &group.service), group.bytes, group.group.clone());
                if best.as_ref().is_none_or(|(least, _): &(_, PlannedMove)| score < *least)
                    && let Some(planned) =
                        move_replica(state, group, replica, (*to).to_owned(), MoveCause::Rebalance)
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
