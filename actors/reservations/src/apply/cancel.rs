//! Calls a reservation off: a hold costs nothing, a paid one what its policy says at this instant.

use contracts::ReservationId;
use contracts::reservations::{Refusal, Reply, Status, TimelineEvent};
use group::Turn;

use super::{find_expected, give_back, mail, note, save, settle};
use crate::{Occasion, Reservations};

pub(super) fn cancel(
    turn: &mut Turn<'_, Reservations>,
    id: ReservationId,
    expect: Option<u32>,
) -> Result<Reply, Refusal> {
    let mut reservation = find_expected(turn, id, expect)?;
    let paid = match reservation.status {
        Status::Held => false,
        Status::Confirmed => true,
        // Asked again because the first answer was lost: it is what was wanted.
        Status::Cancelled => return Ok(Reply::Reservation(Box::new(reservation))),
        status @ (Status::CheckedIn | Status::CheckedOut | Status::Expired | Status::NoShow) => {
            return Err(Refusal::WrongStatus { status });
        }
    };
    // Nothing is written above this line; nothing is refused below it.
    let now = turn.now();
    let penalty = reservation.penalty_at(now);
    give_back(turn, &reservation);
    reservation.status = Status::Cancelled;
    reservation.hold_expires_at = None;
    note(&mut reservation, now, TimelineEvent::Cancelled);
    if paid {
        settle(turn, &mut reservation, penalty);
        mail(turn, id, Occasion::Cancelled);
    }
    Ok(Reply::Reservation(Box::new(save(turn, reservation))))
}
