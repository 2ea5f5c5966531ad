//! Starts the moves that the state of the cluster calls for.

use group::Turn;

use super::begin::begin_all;
use crate::contract::{Refusal, Repair, StartedMoves};
use crate::plan;
use crate::service::Directory;
use crate::state::Rows;

pub(crate) fn repair(turn: &mut Turn<'_, Directory>, _: Repair) -> Result<StartedMoves, Refusal> {
    let state = turn.load()?;
    let plan = plan::repair(&state);

    let moves = begin_all(turn, &state, &plan);
    Ok(StartedMoves { plan, moves })
}
