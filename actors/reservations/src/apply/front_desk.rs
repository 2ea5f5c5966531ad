//! The front desk: check-in, check-out and no-show.

use contracts::ReservationId;
use contracts::reservations::{
    CHECK_IN_HOUR, CheckIn, CheckOut, NoShow, Refusal, Reservation, Status, TimelineEvent,
};
use group::Turn;

use super::{find_visible, record, release_rooms, save, settle};
use crate::state::ROOMS;
use crate::{Reservations, access, zone};

/// Allowed on a day of the stay.
pub(super) fn check_in(turn: &mut Turn<'_, Reservations>, request: CheckIn) -> Result<Reservation, Refusal> {
    let (reservation, zone) = find_for_staff(turn, request.reservation, Status::Confirmed)?;
    let today = zone::today(&zone, turn.now());
    if today < reservation.stay().check_in() || today >= reservation.stay().check_out() {
        return Err(Refusal::WrongDay { today });
    }
    Ok(set_status(turn, reservation, Status::CheckedIn, TimelineEvent::CheckedIn))
}

pub(super) fn check_out(
    turn: &mut Turn<'_, Reservations>,
    request: CheckOut,
) -> Result<Reservation, Refusal> {
    let (reservation, _) = find_for_staff(turn, request.reservation, Status::CheckedIn)?;
    Ok(set_status(turn, reservation, Status::CheckedOut, TimelineEvent::CheckedOut))
}

/// Allowed from the hour of check-in on. Costs what a cancellation costs at that time, and releases the rooms.
pub(super) fn no_show(turn: &mut Turn<'_, Reservations>, request: NoShow) -> Result<Reservation, Refusal> {
    let (mut reservation, zone) = find_for_staff(turn, request.reservation, Status::Confirmed)?;
    let now = turn.now();
    if now < zone::instant(&zone, reservation.stay().check_in(), CHECK_IN_HOUR) {
        return Err(Refusal::WrongDay { today: zone::today(&zone, now) });
    }
    // No writes above this line, no refusals below it.
    let penalty = reservation.penalty_at(now);
    release_rooms(turn, &reservation);
    settle(turn, &mut reservation, penalty);
    Ok(set_status(turn, reservation, Status::NoShow, TimelineEvent::NoShow))
}

/// The reservation and the hotel's time zone, for staff of the hotel. For guests the reservation does not exist.
fn find_for_staff(
    turn: &Turn<'_, Reservations>,
    id: ReservationId,
    required: Status,
) -> Result<(Reservation, String), Refusal> {
    let reservation = find_visible(turn, id)?;
    access::require_manager(turn.caller(), reservation.hotel())?;
    if reservation.status != required {
        return Err(Refusal::WrongStatus { status: reservation.status });
    }
    let facts =
        turn.get(&ROOMS, &reservation.room_type()).expect("a reservation's room type is never removed");
    Ok((reservation, facts.time_zone))
}

fn set_status(
    turn: &mut Turn<'_, Reservations>,
    mut reservation: Reservation,
    status: Status,
    event: TimelineEvent,
) -> Reservation {
    reservation.status = status;
    record(&mut reservation, turn.now(), event);
    save(turn, reservation)
}
