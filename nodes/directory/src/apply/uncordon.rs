//! Lets a node take replicas and leaders again.

use group::Turn;

use super::cancel_move::cancel;
use crate::contract::{Refusal, Reply};
use crate::records::{Cause, Duty, NodeRecord, Phase};
use crate::service::Directory;
use crate::state::{Rows, audit, put_node};

pub(crate) fn uncordon(turn: &mut Turn<'_, Directory>, node: &str) -> Result<Reply, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    match known.duty {
        Duty::Gone => return Err(Refusal::Decommissioned { node: node.to_owned() }),
        Duty::Serving => return Ok(Reply::Node(Box::new(known))),
        Duty::Draining | Duty::Drained | Duty::Leaving => {}
    }

    let node_record = NodeRecord { duty: Duty::Serving, duty_since: turn.now(), ..known };
    put_node(turn, &node_record);
    audit(turn, "uncordon", node, "");
    for record in super::drain::under_way(&state, node) {
        let of_this = matches!(record.cause, Cause::Drain | Cause::Decommission);
        if of_this && matches!(record.phase, Phase::Adding | Phase::CatchingUp) {
            cancel(turn, record);
        }
    }
    Ok(Reply::Node(Box::new(node_record)))
}
