//! Lets a node take replicas and leaders again.

use group::Turn;

use super::cancel_move::cancel;
use crate::contract::{Refusal, UncordonNode};
use crate::records::{Lifecycle, MoveCause, MovePhase, NodeRecord};
use crate::service::Directory;
use crate::state::{Rows, audit, put_node};

pub(crate) fn uncordon(
    turn: &mut Turn<'_, Directory>,
    UncordonNode { node }: &UncordonNode,
) -> Result<Box<NodeRecord>, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    match known.lifecycle {
        Lifecycle::Decommissioned => return Err(Refusal::Decommissioned { node: node.to_owned() }),
        Lifecycle::Active => return Ok(Box::new(known)),
        Lifecycle::Draining | Lifecycle::Drained | Lifecycle::Decommissioning => {}
    }

    let node_record = NodeRecord { lifecycle: Lifecycle::Active, lifecycle_since: turn.now(), ..known };
    put_node(turn, &node_record);
    audit(turn, "uncordon", node, "");
    for record in super::drain::under_way(&state, node) {
        let of_this = matches!(record.cause, MoveCause::Drain | MoveCause::Decommission);
        if of_this && matches!(record.phase, MovePhase::Adding | MovePhase::CatchingUp) {
            cancel(turn, record);
        }
    }
    Ok(Box::new(node_record))
}
