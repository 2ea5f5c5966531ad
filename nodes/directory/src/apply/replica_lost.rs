//! Records that a node lacks a replica that it should have.

use group::Turn;

use crate::contract::{RecordReplicaLost, Refusal};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group};

pub(crate) fn replica_lost(
    turn: &mut Turn<'_, Directory>,
    RecordReplicaLost { group, node, replica }: &RecordReplicaLost,
) -> Result<(), Refusal> {
    let mut record = turn.group_or(group)?;
    if !turn.node_or(node)?.up {
        // The node may still have it.
        return Err(Refusal::NodeDown { node: node.to_owned() });
    }
    let now = turn.now();
    let known = record
        .replicas
        .iter_mut()
        .find(|known| known.voter && known.location.node == *node && known.location.replica == *replica);
    let Some(known) = known else {
        return Err(Refusal::NotThere { group: group.to_owned(), node: node.to_owned() });
    };
    if known.lost_since.is_some() {
        return Ok(());
    }

    known.lost_since = Some(now);
    put_group(turn, &mut record);
    audit(turn, "replica gone", group, format!("from {node}"));
    Ok(())
}
