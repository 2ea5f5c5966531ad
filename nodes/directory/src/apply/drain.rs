//! Drains a node for maintenance.

use group::Turn;

use super::begin::begin_all;
use crate::contract::{DrainNode, Refusal, StartedMoves};
use crate::plan;
use crate::records::{Lifecycle, MoveRecord, NodeRecord, Plan, State};
use crate::service::Directory;
use crate::state::{Rows, audit, put_node};

pub(crate) fn drain(
    turn: &mut Turn<'_, Directory>,
    DrainNode { node }: &DrainNode,
) -> Result<StartedMoves, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    let plan = match known.lifecycle {
        // A retry: return the current state, and start no move twice.
        Lifecycle::Draining | Lifecycle::Drained => {
            let plan = Plan { moves: Vec::new(), ..plan::drain(&state, node)? };
            return Ok(StartedMoves { plan, moves: under_way(&state, node) });
        }
        Lifecycle::Decommissioning => {
            return Err(Refusal::Cordoned {
                node: node.to_owned(),
                state: "being decommissioned".to_owned(),
            });
        }
        Lifecycle::Active | Lifecycle::Decommissioned => plan::drain(&state, node)?,
    };

    put_node(turn, &NodeRecord { lifecycle: Lifecycle::Draining, lifecycle_since: turn.now(), ..known });
    audit(turn, "drain", node, format!("{} to move, {} stay", plan.moves.len(), plan.remaining.len()));
    let moves = begin_all(turn, &state, &plan);
    Ok(StartedMoves { plan, moves })
}

/// Active moves that remove a replica from a node.
pub(crate) fn under_way(state: &State, node: &str) -> Vec<MoveRecord> {
    let leaves = |record: &&MoveRecord| record.remove.iter().any(|location| location.node == node);
    state.moves.iter().filter(leaves).cloned().collect()
}
