//! Changes guest details or wishes, as long as the guest has not left.

use contracts::ReservationId;
use contracts::reservations::{Guest, Refusal, Reply, Status, TimelineEvent};
use group::Turn;

use super::{find_expected, note, save};
use crate::Reservations;

pub(super) fn modify(
    turn: &mut Turn<'_, Reservations>,
    id: ReservationId,
    expect: Option<u32>,
    guest: Option<Guest>,
    requests: Option<Option<String>>,
) -> Result<Reply, Refusal> {
    let mut reservation = find_expected(turn, id, expect)?;
    match reservation.status {
        Status::Held | Status::Confirmed | Status::CheckedIn => {}
        status @ (Status::CheckedOut | Status::Expired | Status::Cancelled | Status::NoShow) => {
            return Err(Refusal::WrongStatus { status });
        }
    }
    // Nothing is written above this line; nothing is refused below it.
    let before = (reservation.guest.clone(), reservation.requests.clone());
    reservation.guest = guest.unwrap_or(reservation.guest);
    reservation.requests = requests.unwrap_or(reservation.requests);
    if (&reservation.guest, &reservation.requests) != (&before.0, &before.1) {
        note(&mut reservation, turn.now(), TimelineEvent::Changed);
        reservation = save(turn, reservation);
    }
    Ok(Reply::Reservation(Box::new(reservation)))
}
