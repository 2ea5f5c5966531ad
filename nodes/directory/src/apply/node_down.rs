//! Records that a node cannot be reached.

use group::Turn;

use crate::contract::{Refusal, Reply};
use crate::records::NodeRecord;
use crate::service::Directory;
use crate::state::{Rows, audit, put_node};

pub(crate) fn node_down(turn: &mut Turn<'_, Directory>, node: &str) -> Result<Reply, Refusal> {
    let known = turn.node_or(node)?;
    if !known.up {
        return Ok(Reply::Node(Box::new(known)));
    }

    let lost = NodeRecord { up: false, since: turn.now(), ..known };
    put_node(turn, &lost);
    audit(turn, "lost", node, "");
    Ok(Reply::Node(Box::new(lost)))
}
