//! Emptying a node: for maintenance, or for good.

use super::draft::Draft;
use super::relocate::{after, check_quorum};
use super::standing::standing;
use crate::contract::Refusal;
use crate::records::{Cause, Duty, GroupRecord, Home, NodeRecord, Plan, Planned, State};

/// What a node gives away when it is drained, and what stays on it because no other node can take it: where the node can
/// be stopped all the same, since each group keeps its quorum.
///
/// # Errors
/// What is in the way: another node that is being emptied, a quorum that would be lost.
pub fn drain(state: &State, node: &str) -> Result<Plan, Refusal> {
    let record = member(state, node)?;
    alone(state, node)?;
    let mut draft = Draft::new(state);
    let mut plan = Plan::default();
    for group in founded_on(state, node) {
        check_quorum(group, standing(state, group, None))?;
        let without = standing(state, group, Some(node));
        let moving = group.moving.is_some();
        match vacate(&draft, group, record, Cause::Drain) {
            _ if moving => plan.stays.push(without.stay(&group.group, "it is being moved already")),
            Ok(planned) => {
                draft.arrives(&group.group, &planned.to[0]);
                draft.leaves(&group.group, node);
                plan.moves.push(planned);
            }
            Err(why) => {
                check_quorum(group, without)?;
                plan.stays.push(without.stay(&group.group, why.to_string()));
            }
        }
    }
    Ok(plan)
}

/// What a node gives away when it is removed for good. A replica that no other node can take goes without a successor,
/// as long as the others keep the quorum.
///
/// # Errors
/// What is in the way: another node that is being emptied, a quorum that would be lost, data that would be.
pub fn decommission(state: &State, node: &str) -> Result<Plan, Refusal> {
    let record = member(state, node)?;
    alone(state, node)?;
    let mut draft = Draft::new(state);
    let mut plan = Plan::default();
    for group in founded_on(state, node) {
        check_quorum(group, standing(state, group, None))?;
        if group.moving.is_some() {
            plan.stays
                .push(standing(state, group, Some(node)).stay(&group.group, "it is being moved already"));
            continue;
        }
        let planned = vacate(&draft, group, record, Cause::Decommission)
            .or_else(|no_place| give_up(state, group, node, no_place))?;
        for to in &planned.to {
            draft.arrives(&group.group, to);
        }
        draft.leaves(&group.group, node);
        plan.moves.push(planned);
    }
    Ok(plan)
}

/// Gives a replica to the node that takes it best.
pub(super) fn vacate(
    draft: &Draft<'_>,
    group: &GroupRecord,
    node: &NodeRecord,
    cause: Cause,
) -> Result<Planned, Refusal> {
    let remove: Vec<Home> = homes_on(group, node.name());
    let keep: Vec<&str> = group
        .voters()
        .map(|replica| replica.home.node.as_str())
        .filter(|keep| *keep != node.name())
        .collect();
    let to = draft.best(group, &keep, &remove)?;
    Ok(Planned { group: group.group.clone(), to: vec![to], remove, leader_only: false, cause })
}

/// Removes a replica without a successor, where the group can spare it.
pub(super) fn give_up(
    state: &State,
    group: &GroupRecord,
    node: &str,
    no_place: Refusal,
) -> Result<Planned, Refusal> {
    let planned = Planned {
        group: group.group.clone(),
        to: Vec::new(),
        remove: homes_on(group, node),
        leader_only: false,
        cause: Cause::Decommission,
    };
    let left = after(state, group, &planned);
    if left.voters == 0 {
        return Err(no_place);
    }
    check_quorum(group, left)?;
    Ok(planned)
}

fn homes_on(group: &GroupRecord, node: &str) -> Vec<Home> {
    group.voters().map(|replica| replica.home.clone()).filter(|home| home.node == node).collect()
}

fn founded_on<'a>(state: &'a State, node: &'a str) -> impl Iterator<Item = &'a GroupRecord> {
    state.groups.values().filter(move |group| group.voters().any(|replica| replica.home.node == node))
}

fn member<'a>(state: &'a State, node: &str) -> Result<&'a NodeRecord, Refusal> {
    let record = state.nodes.get(node).ok_or_else(|| Refusal::NoSuchNode { node: node.to_owned() })?;
    match record.duty {
        Duty::Gone => Err(Refusal::Decommissioned { node: node.to_owned() }),
        Duty::Serving | Duty::Draining | Duty::Drained | Duty::Leaving => Ok(record),
    }
}

/// One node at a time: whoever is being emptied, or was and still has replicas, may be stopped at any moment.
fn alone(state: &State, node: &str) -> Result<(), Refusal> {
    for other in state.nodes.values().filter(|other| other.name() != node) {
        let name = other.name();
        let in_the_way = match other.duty {
            Duty::Draining | Duty::Leaving => true,
            Duty::Drained => state.groups.values().any(|group| group.is_on(name)),
            Duty::Serving | Duty::Gone => false,
        };
        if in_the_way {
            let state = if other.duty == Duty::Drained { "drained" } else { "draining" };
            return Err(Refusal::OneAtATime { other: name.to_owned(), state: state.to_owned() });
        }
    }
    Ok(())
}
