//! Removes a node for good: first its replicas go, and it goes when it has none.

use group::Turn;

use super::begin::begin_all;
use crate::contract::{Refusal, Reply};
use crate::plan;
use crate::records::{Duty, NodeRecord, Plan};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group, put_node};

pub(crate) fn decommission(turn: &mut Turn<'_, Directory>, node: &str) -> Result<Reply, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    if known.duty == Duty::Leaving {
        let plan = Plan { moves: Vec::new(), ..plan::decommission(&state, node)? };
        return Ok(Reply::Started { plan: Box::new(plan), moves: super::drain::under_way(&state, node) });
    }
    let serving = |other: &&NodeRecord| other.name() != node && other.up && other.duty == Duty::Serving;
    if !state.nodes.values().any(|other| serving(&other)) {
        return Err(Refusal::Invalid {
            field: "node".to_owned(),
            why: "it is the last node that serves".to_owned(),
        });
    }
    let plan = plan::decommission(&state, node)?;
    // A group that was never founded is founded by somebody else.
    let mut unfounded = state.clone();
    let mut orphans = Vec::new();
    if let Some(leaving) = unfounded.nodes.get_mut(node) {
        leaving.duty = Duty::Leaving;
    }
    for group in unfounded.groups.values_mut().filter(|group| group.founder.as_deref() == Some(node)) {
        group.founder = None;
        orphans.push(group.group.clone());
    }
    let founders = plan::founders(&unfounded)?;

    for name in orphans {
        let mut group = state.groups[&name].clone();
        group.founder = founders.get(&name).cloned();
        put_group(turn, &mut group);
    }
    put_node(turn, &NodeRecord { duty: Duty::Leaving, duty_since: turn.now(), ..known });
    audit(turn, "decommission", node, format!("{} to move", plan.moves.len()));
    let moves = begin_all(turn, &state, &plan);
    Ok(Reply::Started { plan: Box::new(plan), moves })
}
