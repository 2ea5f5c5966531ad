//! Balances groups and leaders.

use group::Turn;

use super::begin::begin_all;
use crate::contract::{RebalanceCluster, Refusal, StartedMoves};
use crate::plan;
use crate::service::Directory;
use crate::state::{Rows, audit};

pub(crate) fn rebalance(
    turn: &mut Turn<'_, Directory>,
    _: RebalanceCluster,
) -> Result<StartedMoves, Refusal> {
    let state = turn.load()?;
    let plan = plan::rebalance(&state);

    audit(turn, "rebalance", &state.cluster.name, format!("{} moves", plan.moves.len()));
    let moves = begin_all(turn, &state, &plan);
    Ok(StartedMoves { plan, moves })
}
