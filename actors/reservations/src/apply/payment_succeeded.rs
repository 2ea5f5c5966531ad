//! The money is there: the hold becomes a booking; or, when it came too late, all of it goes back.

use contracts::payments::RefundReason;
use contracts::reservations::{
    PaymentState, Refund, RefundStatus, Reply, Reservation, Status, TimelineEvent,
};
use contracts::{Money, PaymentId, ReservationId};
use group::Turn;

use super::{find, mail, note, save, send_refund};
use crate::state::BY_HOTEL;
use crate::{Occasion, Reservations};

pub(super) fn payment_succeeded(
    turn: &mut Turn<'_, Reservations>,
    id: ReservationId,
    payment: PaymentId,
    amount: Money,
) -> Reply {
    let Some(reservation) = find(turn, id) else {
        send_refund(turn, id, payment, amount, RefundReason::TooLate);
        return Reply::Done;
    };
    match (reservation.status, &reservation.payment) {
        // Told again.
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
        ) => too_late(turn, reservation, payment, amount),
    }
    Reply::Done
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
    note(&mut reservation, now, TimelineEvent::Confirmed);
    turn.put(&BY_HOTEL, &(reservation.hotel(), reservation.stay().check_in(), reservation.id), &());
    mail(turn, reservation.id, Occasion::Confirmed);
    save(turn, reservation);
}

/// The rooms are gone, or paid for by another payment, or this is not the sum that was asked for.
fn too_late(
    turn: &mut Turn<'_, Reservations>,
    mut reservation: Reservation,
    payment: PaymentId,
    amount: Money,
) {
    send_refund(turn, reservation.id, payment, amount, RefundReason::TooLate);
    match reservation.payment {
        // The payment that counts stays; the surplus one is told by the timeline and by payments.
        PaymentState::Paid { .. } => {}
        PaymentState::Unpaid | PaymentState::Open(_) if reservation.status == Status::Held => {
            reservation.payment = PaymentState::Unpaid;
        }
        PaymentState::Unpaid | PaymentState::Open(_) => {
            reservation.payment = PaymentState::Paid { payment, amount: amount.amount };
            reservation.refund = Some(Refund { amount: amount.amount, status: RefundStatus::Pending });
        }
    }
    note(&mut reservation, turn.now(), TimelineEvent::PaidTooLate);
    save(turn, reservation);
}
