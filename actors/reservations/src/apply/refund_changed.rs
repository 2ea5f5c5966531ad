//! A refund was started, succeeded or failed. The event has the sums of the payment's refunds, so that a refund that fails
//! after it had succeeded lowers what was refunded.

use contracts::payments;
use contracts::reservations::{
    PaymentState, Refund, RefundChanged, RefundStatus, Reservation, Status, TimelineEvent,
};
use group::Turn;

use super::{find, record, save};
use crate::Reservations;

pub(super) fn refund_changed(turn: &mut Turn<'_, Reservations>, request: RefundChanged) {
    let RefundChanged { reservation: id, payment, refund: _, amount, status, refunded, pending, failed } =
        request;
    let Some(mut reservation) = find(turn, id) else { return };
    let before = reservation.clone();
    // The refund of a surplus payment does not change the payment that confirmed the reservation.
    if matches!(reservation.payment, PaymentState::Paid { payment: paid, .. } if paid == payment) {
        reservation.refunded = refunded;
        reservation.refund = state(&reservation, pending, failed);
    }
    match status {
        _ if amount.amount == 0 => {}
        payments::RefundStatus::Pending => {}
        payments::RefundStatus::Succeeded => record(&mut reservation, turn.now(), TimelineEvent::Refunded),
        payments::RefundStatus::Failed => record(&mut reservation, turn.now(), TimelineEvent::RefundFailed),
    }
    if reservation != before {
        save(turn, reservation);
    }
}

/// What guest and staff have to know: a failure first, then what is on its way, then what was refunded. What a cancellation
/// owes is on its way, even if payments has not started it yet.
fn state(reservation: &Reservation, pending: i64, failed: i64) -> Option<Refund> {
    let due = match reservation.status {
        // A no-show can still be undone.
        _ if reservation.refund_due_at.is_some() => 0,
        Status::Cancelled | Status::NoShow | Status::Expired => reservation.paid() - reservation.penalty,
        Status::Held | Status::Confirmed | Status::CheckedIn | Status::CheckedOut => 0,
    };
    let open = pending.max(due - reservation.refunded - failed);
    if failed > 0 {
        Some(Refund { amount: failed, status: RefundStatus::Failed })
    } else if open > 0 {
        Some(Refund { amount: open, status: RefundStatus::Pending })
    } else {
        let amount = reservation.refunded;
        (amount > 0).then_some(Refund { amount, status: RefundStatus::Succeeded })
    }
}
