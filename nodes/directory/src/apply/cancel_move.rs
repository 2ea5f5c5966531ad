//! Gives a move up, as long as there is a way back.

use group::Turn;

use super::advance::turn_back;
use crate::contract::{Refusal, Reply};
use crate::records::{Ending, MoveId, MoveRecord, Phase};
use crate::service::Directory;
use crate::state::{Rows, audit, put_move};

pub(crate) fn cancel_move(turn: &mut Turn<'_, Directory>, id: MoveId) -> Result<Reply, Refusal> {
    let record = turn.move_or(id)?;
    if matches!(record.ending, Some(Ending::Cancelled { .. })) {
        return Ok(Reply::Move(Box::new(record)));
    }
    match record.phase {
        Phase::Adding | Phase::CatchingUp => {}
        Phase::Switching | Phase::Removing | Phase::Done | Phase::Failed | Phase::Cancelled => {
            return Err(Refusal::TooLate { id, phase: record.phase });
        }
    }

    let record = cancel(turn, record);
    audit(turn, "cancel", &id.to_string(), record.group.clone());
    Ok(Reply::Move(Box::new(record)))
}

/// Turns a move back that has a way back.
pub(crate) fn cancel(turn: &mut Turn<'_, Directory>, record: MoveRecord) -> MoveRecord {
    let by = turn.caller().effective_subject().to_owned();
    let record = turn_back(record, Ending::Cancelled { by }, turn.now());
    put_move(turn, &record);
    record
}
