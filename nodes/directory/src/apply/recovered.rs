//! A group that had lost its majority for good was founded anew from what one node has left.

use group::Turn;

use super::advance::finish;
use super::found::voter;
use crate::contract::{Refusal, Reply};
use crate::records::{Ending, Home, Phase};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group, put_move};

pub(crate) fn recovered(
    turn: &mut Turn<'_, Directory>,
    group: &str,
    node: String,
    replica: u64,
) -> Result<Reply, Refusal> {
    let mut record = turn.group_or(group)?;
    turn.node_or(&node)?;
    let home = Home { node, replica };
    if record.replicas == [voter(home.clone())] {
        return Ok(Reply::Done);
    }
    if record.former.contains(&replica) {
        return Err(Refusal::Invalid {
            field: "replica".to_owned(),
            why: "this id was a replica of the group before; a recovered one has a new id".to_owned(),
        });
    }

    if let Some(mut moving) = record.moving.and_then(|id| turn.movement(id)) {
        // Who was to join or go is no part of the group any more.
        let why = "the group was recovered with a single replica".to_owned();
        moving.ending = Some(Ending::Failed { why });
        finish(&mut moving, Phase::Failed, turn.now());
        put_move(turn, &moving);
    }
    record.former.extend(record.replicas.iter().map(|old| old.home.replica).filter(|old| *old != replica));
    record.moving = None;
    record.founder = None;
    record.rests_until = None;
    record.leader = Some(home.node.clone());
    audit(turn, "recover", group, format!("from what {} had; the others' is given up", home.node));
    record.replicas = vec![voter(home)];
    put_group(turn, &mut record);
    Ok(Reply::Done)
}
