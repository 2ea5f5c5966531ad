//! A payment succeeded: the reservation is confirmed or, if the payment came too late, refunded in full.

use contracts::payments::RefundReason;
use contracts::reservations::{
    PaymentState, PaymentSucceeded, Refund, RefundStatus, Reservation, Status, TimelineEvent,
};
use contracts::{Money, PaymentId};
use group::Turn;

use super::{find, mail, record, save, send_refund};
use crate::state::BY_HOTEL;
use crate::{Occasion, Reservations};

pub(super) fn payment_succeeded(turn: &mut Turn<'_, Reservations>, request: PaymentSucceeded) {
    let PaymentSucceeded { reservation: id, payment, amount } = request;
    let Some(reservation) = find(turn, id) else {
        send_refund(turn, id, payment, amount, RefundReason::TooLate);
        return;
    };
    match (reservation.status, &reservation.payment) {
        // A repeated event.
        (_, PaymentState::Paid { payment: paid, .. }) if *paid == payment => {}
        (Status::Held, _) if amount == reservation.total() => confirm(turn, reservation, payment, amount),
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

fn confirm(
    turn: &mut Turn<'_, Reservations>,
    mut reservation: Reservation,
    payment: PaymentId,
    amount: Money,
) {
    let now = turn.now();
    reservation.status = Status::Confirmed;
    reservation.hold_expires_at = None;
    reservation.payment = PaymentState::Paid { payment, amount: amount.amount };
    record(&mut reservation, now, TimelineEvent::Confirmed);
    turn.put(&BY_HOTEL, &(reservation.hotel(), reservation.stay().check_in(), reservation.id), &());
    mail(turn, reservation.id, Occasion::Confirmed);
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
