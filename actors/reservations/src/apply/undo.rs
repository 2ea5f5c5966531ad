//! Undoes a check-in, a check-out or a no-show on the same day.

use contracts::Stay;
use contracts::reservations::{DeskAction, Refusal, Reservation, Status, TimelineEvent, Undo};
use group::Turn;

use super::front_desk::set_status;
use super::{find_expected, find_visible};
use crate::calendar::{Calendar, last_night};
use crate::state::{ROOMS, RoomFacts};
use crate::{Reservations, access, zone};

/// The length of a timeline after which nothing is undone any more, so that undoing and repeating does not grow a row without
/// bound.
const TIMELINE_MAX: usize = 200;

pub(super) fn undo(turn: &mut Turn<'_, Reservations>, request: &Undo) -> Result<Reservation, Refusal> {
    access::require_manager(turn.caller(), find_visible(turn, request.reservation)?.hotel())?;
    let mut reservation = find_expected(turn, request.reservation, request.expect)?;
    let (done, undone, required, before) = match request.action {
        DeskAction::CheckIn => {
            (TimelineEvent::CheckedIn, TimelineEvent::CheckInUndone, Status::CheckedIn, Status::Confirmed)
        }
        DeskAction::CheckOut => {
            (TimelineEvent::CheckedOut, TimelineEvent::CheckOutUndone, Status::CheckedOut, Status::CheckedIn)
        }
        DeskAction::NoShow => {
            (TimelineEvent::NoShow, TimelineEvent::NoShowUndone, Status::NoShow, Status::Confirmed)
        }
    };
    // A retry, because the first reply was lost.
    if reservation.timeline.last().is_some_and(|(_, last)| *last == undone) {
        return Ok(reservation);
    }
    if reservation.status != required {
        return Err(Refusal::WrongStatus { status: reservation.status });
    }
    let facts =
        turn.get(&ROOMS, &reservation.room_type()).expect("a reservation's room type is never removed");
    let (now, today) = (turn.now(), zone::today(&facts.time_zone, turn.now()));
    let done_at = reservation.timeline.iter().rev().find(|(_, event)| *event == done).map(|(at, _)| *at);
    if done_at.is_none_or(|at| now >= zone::end_of_day(&facts.time_zone, at))
        || reservation.timeline.len() >= TIMELINE_MAX
    {
        return Err(Refusal::WrongDay { today });
    }
    let released = match request.action {
        DeskAction::CheckIn => None,
        DeskAction::CheckOut => Stay::new(reservation.departure(), reservation.stay().check_out()).ok(),
        DeskAction::NoShow => Some(reservation.stay()),
    };
    let calendar = released.map(|nights| take_again(turn, &reservation, nights, &facts)).transpose()?;
    // No writes above this line, no refusals below it.
    if let (Some(calendar), Some(nights)) = (calendar, released) {
        calendar.write(turn);
        calendar.notify_search(turn, reservation.hotel(), nights);
    }
    reservation.departed_on = None;
    reservation.refund_due_at = None;
    reservation.penalty = 0;
    Ok(set_status(turn, reservation, before, undone))
}

/// The calendar with the rooms taken again. Only nights from today on can have been sold to others; the inventory of past
/// nights may have been reduced.
fn take_again(
    turn: &Turn<'_, Reservations>,
    reservation: &Reservation,
    nights: Stay,
    facts: &RoomFacts,
) -> Result<Calendar, Refusal> {
    let (room_type, rooms) = (reservation.room_type(), reservation.quote.rooms);
    let mut calendar = Calendar::of_turn(turn, room_type, nights.check_in(), last_night(nights));
    let today = zone::today(&facts.time_zone, turn.now());
    let sold = |night: &contracts::Date| *night >= today && calendar.free(*night, facts.rooms) < rooms;
    if let Some(night) = nights.nights().find(sold) {
        return Err(Refusal::SoldOut { night });
    }
    calendar.take(nights, i64::from(rooms));
    Ok(calendar)
}
