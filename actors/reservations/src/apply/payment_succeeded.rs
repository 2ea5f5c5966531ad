//! A payment succeeded: the reservation is confirmed. If its hold has expired, the rooms are taken again if they are still
//! free; otherwise the payment is refunded in full.

use contracts::payments::RefundReason;
use contracts::reservations::{
    PaymentState, PaymentSucceeded, Refund, RefundStatus, Reservation, Status, TimelineEvent,
};
use contracts::{Money, PaymentId};
use group::Turn;

use super::{confirm, find, record, save, send_refund};
use crate::calendar::{Calendar, last_night};
use crate::state::ROOMS;
use crate::{Reservations, zone};

pub(super) fn payment_succeeded(turn: &mut Turn<'_, Reservations>, request: PaymentSucceeded) {
    let PaymentSucceeded { reservation: id, payment, amount } = request;
    let Some(reservation) = find(turn, id) else {
        send_refund(turn, id, payment, amount, RefundReason::TooLate);
        return;
    };
    match (reservation.status, &reservation.payment) {
        // A repeated event.
        (_, PaymentState::Paid { payment: paid, .. }) if *paid == payment => {}
        (Status::Held, _) if amount == reservation.total() => paid(turn, reservation, payment, amount),
        (Status::Expired, PaymentState::Unpaid | PaymentState::Open(_))
            if amount == reservation.total() && take_rooms_again(turn, &reservation) =>
        {
            let mut reservation = reservation;
            record(&mut reservation, turn.now(), TimelineEvent::RoomsTakenAgain);
            paid(turn, reservation, payment, amount);
        }
        (
            Status::Held
            | Status::Confirmed
            | Status::CheckedIn
            | Status::CheckedOut
            | Status::Expired
            | Status::Cancelled
            | Status::NoShow,
            _,
        ) => refund_late_payment(turn, reservation, payment, amount),
    }
}

/// Takes the rooms of an expired hold again, for all nights or for none. Restrictions do not count: the hotel had promised the
/// stay when it was held. The stay must not have begun before today.
fn take_rooms_again(turn: &mut Turn<'_, Reservations>, reservation: &Reservation) -> bool {
    let (room_type, stay, rooms) = (reservation.room_type(), reservation.stay(), reservation.quote.rooms);
    let Some(facts) = turn.get(&ROOMS, &room_type) else { return false };
    let mut calendar = Calendar::of_turn(turn, room_type, stay.check_in(), last_night(stay));
    let is_free = stay.nights().all(|night| calendar.free(night, facts.rooms) >= rooms);
    if !is_free || stay.check_in() < zone::today(&facts.time_zone, turn.now()) {
        return false;
    }
    calendar.take(stay, i64::from(rooms));
    calendar.write(turn);
    calendar.notify_search(turn, reservation.hotel(), stay);
    true
}

fn paid(turn: &mut Turn<'_, Reservations>, mut reservation: Reservation, payment: PaymentId, amount: Money) {
    reservation.payment = PaymentState::Paid { payment, amount: amount.amount };
    confirm(turn, &mut reservation);
    save(turn, reservation);
}

/// Refunds a payment for a reservation that is not held any more or that another payment has paid, or a payment of the wrong
/// amount.
fn refund_late_payment(
    turn: &mut Turn<'_, Reservations>,
    mut reservation: Reservation,
    payment: PaymentId,
    amount: Money,
) {
    send_refund(turn, reservation.id, payment, amount, RefundReason::TooLate);
    match reservation.payment {
        // The payment that confirmed the reservation stays; the timeline and payments record the other one.
        PaymentState::Paid { .. } => {}
        PaymentState::Unpaid | PaymentState::Open(_) if reservation.status == Status::Held => {
            reservation.payment = PaymentState::Unpaid;
        }
        PaymentState::Unpaid | PaymentState::Open(_) => {
            reservation.payment = PaymentState::Paid { payment, amount: amount.amount };
            reservation.refund = Some(Refund { amount: amount.amount, status: RefundStatus::Pending });
        }
    }
    record(&mut reservation, turn.now(), TimelineEvent::PaidTooLate);
    save(turn, reservation);
}
