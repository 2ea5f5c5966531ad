//! Replaces this shard's settings. They are replicated, so that every replica decides alike.

use contracts::reservations::Configure;
use group::Turn;

use crate::Reservations;
use crate::state::SETTINGS;

pub(super) fn configure(turn: &mut Turn<'_, Reservations>, request: &Configure) {
    turn.put(&SETTINGS, &0, &request.settings);
}
