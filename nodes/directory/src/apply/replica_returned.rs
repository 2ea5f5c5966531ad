//! Records that a lost replica is reported again.

use group::Turn;

use crate::contract::{RecordReplicaReturned, Refusal};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group};

pub(crate) fn replica_returned(
    turn: &mut Turn<'_, Directory>,
    RecordReplicaReturned { group, node, replica }: &RecordReplicaReturned,
) -> Result<(), Refusal> {
    let mut record = turn.group_or(group)?;
    let known = record.replicas.iter_mut();
    let known =
        known.map(|known| (known.location.node == *node && known.location.replica == *replica, known));
    let Some((_, known)) = known.into_iter().find(|(same, _)| *same) else {
        return Err(Refusal::NotThere { group: group.to_owned(), node: node.to_owned() });
    };
    if known.lost_since.is_none() {
        return Ok(());
    }

    known.lost_since = None;
    put_group(turn, &mut record);
    audit(turn, "replica back", group, format!("on {node}"));
    Ok(())
}
