//! Sets what this shard's turns go by: replicated, so that each replica decides alike.

use contracts::reservations::{Reply, Settings};
use group::Turn;

use crate::Reservations;
use crate::state::SETTINGS;

pub(super) fn configure(turn: &mut Turn<'_, Reservations>, settings: &Settings) -> Reply {
    turn.put(&SETTINGS, &0, settings);
    Reply::Done
}
