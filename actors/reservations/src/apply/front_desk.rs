//! The front desk: check-in, check-out and no-show.

use contracts::reservations::{
    CHECK_IN_HOUR, CHECK_OUT_HOUR, CheckIn, CheckOut, LocalHour, NoShow, Refusal, Reservation, Status,
    TimelineEvent,
};
use contracts::{ReservationId, Stay};
use group::Turn;

use super::{find, find_visible, record, release_nights, release_rooms, save, settle};
use crate::state::{ROOMS, Timer};
use crate::{Reservations, access, zone};

/// Allowed from the beginning of the check-in date to the hour of check-out on the check-out date. So the guests of a night
/// can also be checked in after midnight.
pub(super) fn check_in(turn: &mut Turn<'_, Reservations>, request: CheckIn) -> Result<Reservation, Refusal> {
    let (reservation, zone) = find_for_staff(turn, request.reservation, Status::Confirmed)?;
    let stay = reservation.stay();
    let from = LocalHour { date: stay.check_in(), hour: 0 };
    let until = LocalHour { date: stay.check_out(), hour: CHECK_OUT_HOUR };
    check_time(turn, &zone, from, Some(until))?;
    // No writes above this line, no refusals below it.
    Ok(set_status(turn, reservation, Status::CheckedIn, TimelineEvent::CheckedIn))
}

/// Releases the nights that are left. The price stays the same: staff decides about a refund. After the stay also allowed for a
/// confirmed reservation, whose check-in was not recorded.
pub(super) fn check_out(
    turn: &mut Turn<'_, Reservations>,
    request: CheckOut,
) -> Result<Reservation, Refusal> {
    let (mut reservation, departed_on) = match find_for_staff(turn, request.reservation, Status::CheckedIn) {
        Ok((reservation, zone)) => {
            // The time zone of the hotel may have been corrected since check-in.
            let departed_on = zone::today(&zone, turn.now()).max(reservation.stay().check_in());
            (reservation, departed_on)
        }
        Err(Refusal::WrongStatus { status: Status::Confirmed }) => {
            let (reservation, zone) = find_for_staff(turn, request.reservation, Status::Confirmed)?;
            let departed_on = reservation.stay().check_out();
            if turn.now() < zone::instant(&zone, departed_on, CHECK_OUT_HOUR) {
                return Err(Refusal::WrongStatus { status: Status::Confirmed });
            }
            (reservation, departed_on)
        }
        Err(refusal) => return Err(refusal),
    };
    // No writes above this line, no refusals below it.
    let stay = reservation.stay();
    reservation.departed_on = Some(departed_on);
    reservation.status = Status::CheckedOut;
    record(&mut reservation, turn.now(), TimelineEvent::CheckedOut);
    if let Ok(unused) = Stay::new(departed_on, stay.check_out()) {
        release_nights(turn, &reservation, unused);
        record(&mut reservation, turn.now(), TimelineEvent::DepartedEarly);
    }
    Ok(save(turn, reservation))
}

/// Allowed from the hour of check-in on, without an end: a night audit may be late. Costs what a cancellation costs at that
/// time, and releases the rooms. The rest is refunded at the end of the day, because until then the no-show can be undone.
pub(super) fn no_show(turn: &mut Turn<'_, Reservations>, request: NoShow) -> Result<Reservation, Refusal> {
    let (mut reservation, zone) = find_for_staff(turn, request.reservation, Status::Confirmed)?;
    let now = turn.now();
    let from = LocalHour { date: reservation.stay().check_in(), hour: CHECK_IN_HOUR };
    check_time(turn, &zone, from, None)?;
    // No writes above this line, no refusals below it.
    reservation.penalty = reservation.penalty_at(now);
    release_rooms(turn, &reservation);
    if reservation.paid() - reservation.refunded > reservation.penalty {
        let due_at = zone::end_of_day(&zone, now);
        reservation.refund_due_at = Some(due_at);
        turn.schedule(due_at, Timer::SettleNoShow(reservation.id));
    }
    Ok(set_status(turn, reservation, Status::NoShow, TimelineEvent::NoShow))
}

/// Sends the refund of a no-show.
pub(crate) fn settle_no_show(turn: &mut Turn<'_, Reservations>, id: ReservationId) {
    let Some(mut reservation) = find(turn, id) else { return };
    // The no-show may have been undone, and recorded again with a timer of its own.
    if reservation.refund_due_at.is_none_or(|due_at| due_at > turn.now()) {
        return;
    }
    reservation.refund_due_at = None;
    let penalty = reservation.penalty;
    settle(turn, &mut reservation, penalty);
    save(turn, reservation);
}

/// Refuses times before `from`, and from `until` on.
fn check_time(
    turn: &Turn<'_, Reservations>,
    zone: &str,
    from: LocalHour,
    until: Option<LocalHour>,
) -> Result<(), Refusal> {
    let (now, at) = (turn.now(), |hour: LocalHour| zone::instant(zone, hour.date, hour.hour));
    if now < at(from) || until.is_some_and(|until| now >= at(until)) {
        return Err(Refusal::NotNow { from, until });
    }
    Ok(())
}

/// The reservation and the hotel's time zone, for staff of the hotel. For guests the reservation does not exist.
pub(super) fn find_for_staff(
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

pub(super) fn set_status(
    turn: &mut Turn<'_, Reservations>,
    mut reservation: Reservation,
    status: Status,
    event: TimelineEvent,
) -> Reservation {
    reservation.status = status;
    record(&mut reservation, turn.now(), event);
    save(turn, reservation)
}
