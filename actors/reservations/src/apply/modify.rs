//! Changes guest details or special requests, until check-out.

use contracts::reservations::{Modify, Refusal, Reservation, Status, TimelineEvent};
use group::Turn;

use super::{find_expected, record, save};
use crate::Reservations;

pub(super) fn modify(turn: &mut Turn<'_, Reservations>, request: Modify) -> Result<Reservation, Refusal> {
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    match reservation.status {
        Status::Held | Status::Confirmed | Status::CheckedIn => {}
        status @ (Status::CheckedOut | Status::Expired | Status::Cancelled | Status::NoShow) => {
            return Err(Refusal::WrongStatus { status });
        }
    }
    // No writes above this line, no refusals below it.
    let before = (reservation.guest.clone(), reservation.requests.clone());
    reservation.guest = request.guest.unwrap_or(reservation.guest);
    reservation.requests = request.requests.unwrap_or(reservation.requests);
    if (&reservation.guest, &reservation.requests) != (&before.0, &before.1) {
        record(&mut reservation, turn.now(), TimelineEvent::Changed);
        reservation = save(turn, reservation);
    }
    Ok(reservation)
}
