//! Records the progress of moves.

use group::Turn;

use crate::contract::{Refusal, Reply};
use crate::records::{MoveId, Progress};
use crate::service::Directory;
use crate::state::{Rows, put_move};

pub(crate) fn report(
    turn: &mut Turn<'_, Directory>,
    reports: &[(MoveId, Progress)],
) -> Result<Reply, Refusal> {
    for (id, progress) in reports {
        let record = turn.move_record(*id).filter(|record| !record.phase.is_final());
        if let Some(mut record) = record.filter(|record| record.progress != *progress) {
            record.progress = *progress;
            put_move(turn, &record);
        }
    }
    Ok(Reply::Done)
}
