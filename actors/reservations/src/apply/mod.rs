//! The transitions, one a file.

mod calendar;
mod cancel;
mod configure;
mod expire;
mod front_desk;
mod hold;
mod hotel;
mod modify;
mod open_payment;
mod payment_failed;
mod payment_succeeded;
mod refund_settled;

pub(crate) use calendar::in_bounds;
pub(crate) use expire::expire;
pub(crate) use hold::within_reach;

use contracts::reservations::{
    Command, PaymentState, Refund, RefundStatus, Refusal, Reply, Reservation, TimelineEvent,
};
use contracts::{Money, PaymentId, ReservationId, payments};
use group::Turn;
use protocol::Timestamp;

use crate::calendar::{Calendar, last_night};
use crate::state::RESERVATIONS;
use crate::{Effect, Occasion, Recipient, Reservations, access};

pub(crate) fn dispatch(turn: &mut Turn<'_, Reservations>, command: Command) -> Result<Reply, Refusal> {
    match command {
        Command::ImportHotels { hotels } => hotel::import(turn, hotels),
        Command::OpenPayment { reservation, payment } => {
            Ok(open_payment::open_payment(turn, reservation, payment))
        }
        Command::PaymentSucceeded { reservation, payment, amount } => {
            Ok(payment_succeeded::payment_succeeded(turn, reservation, payment, amount))
        }
        Command::PaymentFailed { reservation, payment } => {
            Ok(payment_failed::payment_failed(turn, reservation, payment))
        }
        Command::RefundSettled { reservation, payment, refund: _, amount, succeeded } => {
            Ok(refund_settled::refund_settled(turn, reservation, payment, amount, succeeded))
        }
        Command::Hold { quote, guest, requests, reference } => {
            hold::hold(turn, quote, guest, requests, reference)
        }
        Command::Modify { reservation, expect, guest, requests } => {
            modify::modify(turn, reservation, expect, guest, requests)
        }
        Command::Cancel { reservation, expect } => cancel::cancel(turn, reservation, expect),
        Command::PutHotel { hotel, expect } => hotel::put(turn, *hotel, expect),
        Command::SetCalendar { hotel, room_type, nights, change } => {
            calendar::set_calendar(turn, hotel, room_type, nights, &change)
        }
        Command::CheckIn(reservation) => front_desk::check_in(turn, reservation),
        Command::CheckOut(reservation) => front_desk::check_out(turn, reservation),
        Command::NoShow(reservation) => front_desk::no_show(turn, reservation),
        Command::Configure { slot: _, settings } => Ok(configure::configure(turn, &settings)),
    }
}

/// Entries of a timeline at most; beyond it only a change of status is noted, so that no amount of failed payments makes
/// a row grow for ever.
const TIMELINE_MAX: usize = 60;

fn find(turn: &Turn<'_, Reservations>, id: ReservationId) -> Option<Reservation> {
    turn.get(&RESERVATIONS, &id).map(Reservation::from)
}

/// The reservation, if the caller may see and change it.
fn find_callers(turn: &Turn<'_, Reservations>, id: ReservationId) -> Result<Reservation, Refusal> {
    let found = find(turn, id).filter(|reservation| access::may_see(turn.caller(), reservation));
    found.ok_or(Refusal::NoSuchReservation)
}

/// The same, if it is of the version that the caller expects.
fn find_expected(
    turn: &Turn<'_, Reservations>,
    id: ReservationId,
    expect: Option<u32>,
) -> Result<Reservation, Refusal> {
    let reservation = find_callers(turn, id)?;
    match expect {
        Some(version) if version != reservation.version => Err(Refusal::Changed),
        Some(_) | None => Ok(reservation),
    }
}

fn note(reservation: &mut Reservation, now: Timestamp, what: TimelineEvent) {
    let status = match what {
        TimelineEvent::PaymentStarted | TimelineEvent::PaymentFailed | TimelineEvent::Changed => false,
        TimelineEvent::Held
        | TimelineEvent::HoldExtended
        | TimelineEvent::Confirmed
        | TimelineEvent::Expired
        | TimelineEvent::Cancelled
        | TimelineEvent::PaidTooLate
        | TimelineEvent::Refunded
        | TimelineEvent::RefundFailed
        | TimelineEvent::CheckedIn
        | TimelineEvent::CheckedOut
        | TimelineEvent::NoShow => true,
    };
    if status || reservation.timeline.len() < TIMELINE_MAX {
        reservation.timeline.push((now, what));
    }
}

/// Writes a changed reservation back, as its next version.
fn save(turn: &mut Turn<'_, Reservations>, mut reservation: Reservation) -> Reservation {
    reservation.version += 1;
    reservation.updated_at = turn.now();
    turn.put(&RESERVATIONS, &reservation.id, &reservation.clone().into());
    reservation
}

/// Gives the rooms of a reservation back, and tells search.
fn give_back(turn: &mut Turn<'_, Reservations>, reservation: &Reservation) {
    let (hotel, stay) = (reservation.hotel(), reservation.stay());
    let mut calendar = Calendar::of_turn(turn, reservation.room_type(), stay.check_in(), last_night(stay));
    calendar.take(stay, -i64::from(reservation.quote.rooms));
    calendar.write(turn);
    calendar.announce_taken(turn, hotel, stay);
}

/// Has payments give money back. Nothing is sent for nothing.
fn send_refund(
    turn: &mut Turn<'_, Reservations>,
    reservation: ReservationId,
    payment: PaymentId,
    amount: Money,
    reason: payments::RefundReason,
) {
    if amount.amount > 0 {
        let command = payments::Command::Refund { payment, reservation, amount, reason };
        turn.send::<payments::Payments>(reservation.0, &command);
    }
}

/// Ends a paid reservation: keeps the penalty, and has the rest given back.
fn settle(turn: &mut Turn<'_, Reservations>, reservation: &mut Reservation, penalty: i64) {
    let back = (reservation.paid() - reservation.refunded - penalty).max(0);
    reservation.penalty = penalty;
    if back > 0
        && let PaymentState::Paid { payment, .. } = reservation.payment
    {
        reservation.refund = Some(Refund { amount: back, status: RefundStatus::Pending });
        let amount = Money::new(back, reservation.currency());
        send_refund(turn, reservation.id, payment, amount, payments::RefundReason::Cancelled);
    }
}

/// Mails the guest and the hotel, each in an order of its own.
fn mail(turn: &mut Turn<'_, Reservations>, reservation: ReservationId, occasion: Occasion) {
    for (to, salt) in [(Recipient::Guest, 0), (Recipient::Hotel, 1)] {
        turn.effect(reservation.0 ^ salt, &Effect::Mail { reservation, occasion, to });
    }
}
