//! Ends a hold that was not paid in time, releases its rooms, and has its open payment cancelled at the bank.

use contracts::ReservationId;
use contracts::reservations::{Status, TimelineEvent};
use group::Turn;

use super::{cancel_open_payment, find, record, release_rooms, save};
use crate::Reservations;

pub(crate) fn expire(turn: &mut Turn<'_, Reservations>, id: ReservationId) {
    let Some(mut reservation) = find(turn, id) else { return };
    // Since the timer was set, the hold may have been paid, cancelled or extended; an extension has its own timer.
    let now = turn.now();
    if reservation.status != Status::Held
        || reservation.hold_expires_at.is_some_and(|expires_at| expires_at > now)
    {
        return;
    }
    release_rooms(turn, &reservation);
    cancel_open_payment(turn, &reservation);
    reservation.status = Status::Expired;
    reservation.hold_expires_at = None;
    record(&mut reservation, now, TimelineEvent::Expired);
    save(turn, reservation);
}
