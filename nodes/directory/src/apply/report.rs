//! Records the progress of moves.

use group::Turn;

use crate::contract::{RecordProgress, Refusal};
use crate::service::Directory;
use crate::state::{Rows, put_move};

pub(crate) fn report(
    turn: &mut Turn<'_, Directory>,
    RecordProgress { moves }: &RecordProgress,
) -> Result<(), Refusal> {
    for (id, progress) in moves {
        let record = turn.move_record(*id).filter(|record| !record.phase.is_final());
        if let Some(mut record) = record.filter(|record| record.progress != *progress) {
            record.progress = *progress;
            put_move(turn, &record);
        }
    }
    Ok(())
}
