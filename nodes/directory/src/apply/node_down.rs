//! Records that a node cannot be reached.

use group::Turn;

use crate::contract::{RecordNodeDown, Refusal};
use crate::records::NodeRecord;
use crate::service::Directory;
use crate::state::{Rows, audit, put_node};

pub(crate) fn node_down(
    turn: &mut Turn<'_, Directory>,
    RecordNodeDown { node }: &RecordNodeDown,
) -> Result<Box<NodeRecord>, Refusal> {
    let known = turn.node_or(node)?;
    if !known.up {
        return Ok(Box::new(known));
    }

    let lost = NodeRecord { up: false, since: turn.now(), ..known };
    put_node(turn, &lost);
    audit(turn, "lost", node, "");
    Ok(Box::new(lost))
}
