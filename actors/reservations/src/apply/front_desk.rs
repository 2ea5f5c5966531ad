//! What the front desk does: guests arrive, leave, or do not come.

use contracts::ReservationId;
use contracts::reservations::{Refusal, Reply, Reservation, Status, TimelineEvent};
use group::Turn;

use super::{find_callers, give_back, note, save, settle};
use crate::state::ROOMS;
use crate::{Reservations, access, zone};

/// The guest arrived, on a day of the stay.
pub(super) fn check_in(turn: &mut Turn<'_, Reservations>, id: ReservationId) -> Result<Reply, Refusal> {
    let (reservation, zone) = find_for_staff(turn, id, Status::Confirmed)?;
    let today = zone::today(&zone, turn.now());
    if today < reservation.stay().check_in() || today >= reservation.stay().check_out() {
        return Err(Refusal::WrongDay { today });
    }
    Ok(step(turn, reservation, Status::CheckedIn, TimelineEvent::CheckedIn))
}

/// The guest left.
pub(super) fn check_out(turn: &mut Turn<'_, Reservations>, id: ReservationId) -> Result<Reply, Refusal> {
    let (reservation, _) = find_for_staff(turn, id, Status::CheckedIn)?;
    Ok(step(turn, reservation, Status::CheckedOut, TimelineEvent::CheckedOut))
}

/// Nobody came by the hour of check-in: costs what a cancellation costs now, and gives the rooms back.
pub(super) fn no_show(turn: &mut Turn<'_, Reservations>, id: ReservationId) -> Result<Reply, Refusal> {
    let (mut reservation, zone) = find_for_staff(turn, id, Status::Confirmed)?;
    let now = turn.now();
    if now < zone::instant(&zone, reservation.stay().check_in(), zone::CHECK_IN_HOUR) {
        return Err(Refusal::WrongDay { today: zone::today(&zone, now) });
    }
    // Nothing is written above this line; nothing is refused below it.
    let penalty = reservation.penalty_at(now);
    give_back(turn, &reservation);
    settle(turn, &mut reservation, penalty);
    Ok(step(turn, reservation, Status::NoShow, TimelineEvent::NoShow))
}

/// The reservation and the hotel's zone, for staff of its hotel. Guests are told that there is none: it is no matter of
/// theirs.
fn find_for_staff(
    turn: &Turn<'_, Reservations>,
    id: ReservationId,
    wanted: Status,
) -> Result<(Reservation, String), Refusal> {
    let reservation = find_callers(turn, id)?;
    access::require_manager(turn.caller(), reservation.hotel())?;
    if reservation.status != wanted {
        return Err(Refusal::WrongStatus { status: reservation.status });
    }
    let facts =
        turn.get(&ROOMS, &reservation.room_type()).expect("a reservation's room type is never removed");
    Ok((reservation, facts.time_zone))
}

fn step(
    turn: &mut Turn<'_, Reservations>,
    mut reservation: Reservation,
    status: Status,
    what: TimelineEvent,
) -> Reply {
    reservation.status = status;
    note(&mut reservation, turn.now(), what);
    Reply::Reservation(Box::new(save(turn, reservation)))
}
