//! Starts an operator's move of one replica or of leadership.

use group::Turn;

use super::begin::begin;
use crate::contract::{CreateMove, Refusal};
use crate::plan;
use crate::records::{MoveCause, MoveRecord};
use crate::service::Directory;
use crate::state::Rows;

pub(crate) fn relocate(
    turn: &mut Turn<'_, Directory>,
    CreateMove { group, from, to, leader_only }: &CreateMove,
) -> Result<Box<MoveRecord>, Refusal> {
    let state = turn.load()?;
    let (from, leader_only) = (from.as_deref(), *leader_only);
    let same = |record: &&MoveRecord| {
        record.cause == MoveCause::Operator
            && record.group == *group
            && record.leader_only == leader_only
            && record.to() == Some(to)
            && from.is_none_or(|from| record.from() == Some(from))
            && record.abort.is_none()
    };
    if let Some(record) = state.moves.iter().find(same) {
        return Ok(Box::new(record.clone()));
    }
    let planned = plan::relocate(&state, group, from, to, leader_only)?;

    Ok(Box::new(begin(turn, &state, &planned)))
}
