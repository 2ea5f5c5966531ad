//! Empties a node for maintenance.

use group::Turn;

use super::begin::begin_all;
use crate::contract::{Refusal, Reply};
use crate::plan;
use crate::records::{Duty, MoveRecord, NodeRecord, Plan, State};
use crate::service::Directory;
use crate::state::{Rows, audit, put_node};

pub(crate) fn drain(turn: &mut Turn<'_, Directory>, node: &str) -> Result<Reply, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    let plan = match known.duty {
        // Again, by somebody who did not hear the answer: tell how it stands, and begin nothing twice.
        Duty::Draining | Duty::Drained => {
            let plan = Plan { moves: Vec::new(), ..plan::drain(&state, node)? };
            return Ok(Reply::Started { plan: Box::new(plan), moves: under_way(&state, node) });
        }
        Duty::Leaving => {
            return Err(Refusal::Cordoned {
                node: node.to_owned(),
                state: "being decommissioned".to_owned(),
            });
        }
        Duty::Serving | Duty::Gone => plan::drain(&state, node)?,
    };

    put_node(turn, &NodeRecord { duty: Duty::Draining, duty_since: turn.now(), ..known });
    audit(turn, "drain", node, format!("{} to move, {} stay", plan.moves.len(), plan.stays.len()));
    let moves = begin_all(turn, &state, &plan);
    Ok(Reply::Started { plan: Box::new(plan), moves })
}

/// Moves that take something off a node.
pub(crate) fn under_way(state: &State, node: &str) -> Vec<MoveRecord> {
    let leaves = |record: &&MoveRecord| record.remove.iter().any(|home| home.node == node);
    state.moves.iter().filter(leaves).cloned().collect()
}
