//! Ends a hold that nobody paid in time, and gives its rooms back.

use contracts::ReservationId;
use contracts::reservations::{Status, TimelineEvent};
use group::Turn;

use super::{find, give_back, note, save};
use crate::Reservations;

pub(crate) fn expire(turn: &mut Turn<'_, Reservations>, id: ReservationId) {
    let Some(mut reservation) = find(turn, id) else { return };
    // Paid or called off since, or extended: then a later timer stands for it.
    let now = turn.now();
    if reservation.status != Status::Held
        || reservation.hold_expires_at.is_some_and(|expires_at| expires_at > now)
    {
        return;
    }
    give_back(turn, &reservation);
    reservation.status = Status::Expired;
    reservation.hold_expires_at = None;
    note(&mut reservation, now, TimelineEvent::Expired);
    save(turn, reservation);
}
