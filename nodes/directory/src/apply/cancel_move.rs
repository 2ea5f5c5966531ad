//! Cancels a move that is not switching yet.

use group::Turn;

use super::advance::turn_back;
use crate::contract::{CancelMove, Refusal};
use crate::records::{Abort, MovePhase, MoveRecord};
use crate::service::Directory;
use crate::state::{Rows, audit, put_move};

pub(crate) fn cancel_move(
    turn: &mut Turn<'_, Directory>,
    CancelMove { id }: CancelMove,
) -> Result<Box<MoveRecord>, Refusal> {
    let record = turn.move_or(id)?;
    if matches!(record.abort, Some(Abort::Cancelled { .. })) {
        return Ok(Box::new(record));
    }
    match record.phase {
        MovePhase::Adding | MovePhase::CatchingUp => {}
        MovePhase::Switching
        | MovePhase::Removing
        | MovePhase::Done
        | MovePhase::Failed
        | MovePhase::Cancelled => {
            return Err(Refusal::TooLate { id, phase: record.phase });
        }
    }

    let record = cancel(turn, record);
    audit(turn, "cancel", &id.to_string(), record.group.clone());
    Ok(Box::new(record))
}

/// Cancels a move.
pub(crate) fn cancel(turn: &mut Turn<'_, Directory>, record: MoveRecord) -> MoveRecord {
    let by = turn.caller().effective_subject().to_owned();
    let record = turn_back(record, Abort::Cancelled { by }, turn.now());
    put_move(turn, &record);
    record
}
