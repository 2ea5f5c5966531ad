//! Records that a group was recovered from a single replica after its majority was lost.

use group::Turn;

use super::advance::finish;
use super::init::voter;
use crate::contract::{RecordRecovery, Refusal};
use crate::records::{Abort, MovePhase, ReplicaLocation};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group, put_move};

pub(crate) fn recovered(
    turn: &mut Turn<'_, Directory>,
    RecordRecovery { group, node, replica }: RecordRecovery,
) -> Result<(), Refusal> {
    let mut record = turn.group_or(&group)?;
    turn.node_or(&node)?;
    let location = ReplicaLocation { node, replica };
    if record.replicas == [voter(location.clone())] {
        return Ok(());
    }
    if record.former.contains(&replica) {
        return Err(Refusal::Invalid {
            field: "replica".to_owned(),
            why: "this id was a replica of the group before; a recovered one has a new id".to_owned(),
        });
    }

    if let Some(mut moving) = record.moving.and_then(|id| turn.move_record(id)) {
        // The replicas that the move adds or removes are no longer members.
        let why = "the group was recovered with a single replica".to_owned();
        moving.abort = Some(Abort::Failed { why });
        finish(&mut moving, MovePhase::Failed, turn.now());
        put_move(turn, &moving);
    }
    record
        .former
        .extend(record.replicas.iter().map(|old| old.location.replica).filter(|old| *old != replica));
    record.moving = None;
    record.bootstrap_node = None;
    record.backoff_until = None;
    record.leader = Some(location.node.clone());
    audit(turn, "recover", &group, format!("from what {} had; the others' is given up", location.node));
    record.replicas = vec![voter(location)];
    put_group(turn, &mut record);
    Ok(())
}
