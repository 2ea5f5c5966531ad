//! Removes a node permanently, once its replicas have moved.

use group::Turn;

use super::begin::begin_all;
use crate::contract::{DecommissionNode, Refusal, StartedMoves};
use crate::plan;
use crate::records::{Lifecycle, NodeRecord, Plan};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group, put_node};

pub(crate) fn decommission(
    turn: &mut Turn<'_, Directory>,
    DecommissionNode { node }: &DecommissionNode,
) -> Result<StartedMoves, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    if known.lifecycle == Lifecycle::Decommissioning {
        let plan = Plan { moves: Vec::new(), ..plan::decommission(&state, node)? };
        return Ok(StartedMoves { plan, moves: super::drain::under_way(&state, node) });
    }
    let serving =
        |other: &&NodeRecord| other.name() != node && other.up && other.lifecycle == Lifecycle::Active;
    if !state.nodes.values().any(|other| serving(&other)) {
        return Err(Refusal::Invalid {
            field: "node".to_owned(),
            why: "it is the last node that serves".to_owned(),
        });
    }
    let plan = plan::decommission(&state, node)?;
    // Groups that this node was to bootstrap get another bootstrap node.
    let mut unfounded = state.clone();
    let mut orphans = Vec::new();
    if let Some(leaving) = unfounded.nodes.get_mut(node) {
        leaving.lifecycle = Lifecycle::Decommissioning;
    }
    for group in unfounded.groups.values_mut().filter(|group| group.bootstrap_node.as_deref() == Some(node)) {
        group.bootstrap_node = None;
        orphans.push(group.group.clone());
    }
    let founders = plan::bootstrap_nodes(&unfounded)?;

    for name in orphans {
        let mut group = state.groups[&name].clone();
        group.bootstrap_node = founders.get(&name).cloned();
        put_group(turn, &mut group);
    }
    put_node(
        turn,
        &NodeRecord { lifecycle: Lifecycle::Decommissioning, lifecycle_since: turn.now(), ..known },
    );
    audit(turn, "decommission", node, format!("{} to move", plan.moves.len()));
    let moves = begin_all(turn, &state, &plan);
    Ok(StartedMoves { plan, moves })
}
