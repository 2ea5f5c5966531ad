//! Draining a node, for maintenance or permanently.

use super::projection::Projection;
use super::quorum::quorum_status;
use super::relocate::{after, check_quorum};
use crate::contract::Refusal;
use crate::records::{
    GroupRecord, Lifecycle, MoveCause, NodeRecord, Plan, PlannedMove, ReplicaLocation, State,
};

/// What moves off a drained node, and what remains because no other node can take it. The node can then still be
/// stopped, because each group keeps its quorum without it.
///
/// # Errors
/// When another node is being drained, or a group would lose its quorum.
pub fn drain(state: &State, node: &str) -> Result<Plan, Refusal> {
    let record = active_node(state, node)?;
    check_no_other_drain(state, node)?;
    let mut projection = Projection::new(state);
    let mut plan = Plan::default();
    for group in groups_with_voter_on(state, node) {
        check_quorum(group, quorum_status(state, group, None))?;
        let without = quorum_status(state, group, Some(node));
        let moving = group.moving.is_some();
        match move_off(&projection, group, record, MoveCause::Drain) {
            _ if moving => plan.remaining.push(without.remaining(&group.group, "it is being moved already")),
            Ok(planned) => {
                projection.arrives(&group.group, &planned.to[0]);
                projection.leaves(&group.group, node);
                plan.moves.push(planned);
            }
            Err(why) => {
                check_quorum(group, without)?;
                plan.remaining.push(without.remaining(&group.group, why.to_string()));
            }
        }
    }
    Ok(plan)
}

/// What moves off a node that is removed permanently. A replica that no other node can take is removed without a
/// replacement if the other replicas keep the quorum.
///
/// # Errors
/// When another node is being drained, a group would lose its quorum, or data would be lost.
pub fn decommission(state: &State, node: &str) -> Result<Plan, Refusal> {
    let record = active_node(state, node)?;
    check_no_other_drain(state, node)?;
    let mut projection = Projection::new(state);
    let mut plan = Plan::default();
    for group in groups_with_voter_on(state, node) {
        check_quorum(group, quorum_status(state, group, None))?;
        if group.moving.is_some() {
            plan.remaining.push(
                quorum_status(state, group, Some(node)).remaining(&group.group, "it is being moved already"),
            );
            continue;
        }
        let planned = move_off(&projection, group, record, MoveCause::Decommission)
            .or_else(|no_place| remove_without_successor(state, group, node, no_place))?;
        for to in &planned.to {
            projection.arrives(&group.group, to);
        }
        projection.leaves(&group.group, node);
        plan.moves.push(planned);
    }
    Ok(plan)
}

/// Moves a replica to the best other node.
pub(super) fn move_off(
    projection: &Projection<'_>,
    group: &GroupRecord,
    node: &NodeRecord,
    cause: MoveCause,
) -> Result<PlannedMove, Refusal> {
    let remove: Vec<ReplicaLocation> = homes_on(group, node.name());
    let keep: Vec<&str> = group
        .voters()
        .map(|replica| replica.location.node.as_str())
        .filter(|keep| *keep != node.name())
        .collect();
    let to = projection.best(group, &keep, &remove)?;
    Ok(PlannedMove { group: group.group.clone(), to: vec![to], remove, leader_only: false, cause })
}

/// Removes a replica without a replacement, if the group keeps its quorum.
pub(super) fn remove_without_successor(
    state: &State,
    group: &GroupRecord,
    node: &str,
    no_place: Refusal,
) -> Result<PlannedMove, Refusal> {
    let planned = PlannedMove {
        group: group.group.clone(),
        to: Vec::new(),
        remove: homes_on(group, node),
        leader_only: false,
        cause: MoveCause::Decommission,
    };
    let left = after(state, group, &planned);
    if left.voters == 0 {
        return Err(no_place);
    }
    check_quorum(group, left)?;
    Ok(planned)
}

fn homes_on(group: &GroupRecord, node: &str) -> Vec<ReplicaLocation> {
    group.voters().map(|replica| replica.location.clone()).filter(|location| location.node == node).collect()
}

fn groups_with_voter_on<'a>(state: &'a State, node: &'a str) -> impl Iterator<Item = &'a GroupRecord> {
    state.groups.values().filter(move |group| group.voters().any(|replica| replica.location.node == node))
}

fn active_node<'a>(state: &'a State, node: &str) -> Result<&'a NodeRecord, Refusal> {
    let record = state.nodes.get(node).ok_or_else(|| Refusal::NoSuchNode { node: node.to_owned() })?;
    match record.lifecycle {
        Lifecycle::Decommissioned => Err(Refusal::Decommissioned { node: node.to_owned() }),
        Lifecycle::Active | Lifecycle::Draining | Lifecycle::Drained | Lifecycle::Decommissioning => {
            Ok(record)
        }
    }
}

/// Only one node at a time: a node that is draining, or is drained with remaining replicas, may be stopped at any time.
fn check_no_other_drain(state: &State, node: &str) -> Result<(), Refusal> {
    for other in state.nodes.values().filter(|other| other.name() != node) {
        let name = other.name();
        let in_the_way = match other.lifecycle {
            Lifecycle::Draining | Lifecycle::Decommissioning => true,
            Lifecycle::Drained => state.groups.values().any(|group| group.is_on(name)),
            Lifecycle::Active | Lifecycle::Decommissioned => false,
        };
        if in_the_way {
            let state = if other.lifecycle == Lifecycle::Drained { "drained" } else { "draining" };
            return Err(Refusal::OneAtATime { other: name.to_owned(), state: state.to_owned() });
        }
    }
    Ok(())
}
