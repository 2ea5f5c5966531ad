//! Cancels a reservation: a hold is free of charge, a paid reservation costs what its policy says at this instant.

use contracts::reservations::{Cancel, Refusal, Reservation, Status, TimelineEvent};
use group::Turn;

use super::{find_expected, mail, record, release_rooms, save, settle};
use crate::{Occasion, Reservations};

pub(super) fn cancel(turn: &mut Turn<'_, Reservations>, request: Cancel) -> Result<Reservation, Refusal> {
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    let paid = match reservation.status {
        Status::Held => false,
        Status::Confirmed => true,
        // A retry, because the first reply was lost.
        Status::Cancelled => return Ok(reservation),
        status @ (Status::CheckedIn | Status::CheckedOut | Status::Expired | Status::NoShow) => {
            return Err(Refusal::WrongStatus { status });
        }
    };
    // No writes above this line, no refusals below it.
    let now = turn.now();
    let penalty = reservation.penalty_at(now);
    release_rooms(turn, &reservation);
    reservation.status = Status::Cancelled;
    reservation.hold_expires_at = None;
    record(&mut reservation, now, TimelineEvent::Cancelled);
    if paid {
        settle(turn, &mut reservation, penalty);
        mail(turn, reservation.id, Occasion::Cancelled);
    }
    Ok(save(turn, reservation))
}
