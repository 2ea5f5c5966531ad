//! A refund succeeded or failed.

use contracts::reservations::{PaymentState, Refund, RefundSettled, RefundStatus, TimelineEvent};
use group::Turn;

use super::{find, record, save};
use crate::Reservations;

pub(super) fn refund_settled(turn: &mut Turn<'_, Reservations>, request: RefundSettled) {
    let RefundSettled { reservation: id, payment, refund: _, amount, succeeded } = request;
    let Some(mut reservation) = find(turn, id) else { return };
    let event = if succeeded { TimelineEvent::Refunded } else { TimelineEvent::RefundFailed };
    // The refund of a surplus payment does not change the payment that confirmed the reservation.
    if !matches!(reservation.payment, PaymentState::Paid { payment: paid, .. } if paid == payment) {
        record(&mut reservation, turn.now(), event);
        save(turn, reservation);
        return;
    }
    let owed = reservation.paid() - reservation.penalty - reservation.refunded;
    let status = if succeeded { RefundStatus::Succeeded } else { RefundStatus::Failed };
    reservation.refund = match reservation.refund {
        // The refund that the cancellation started.
        Some(Refund { amount: due, status: RefundStatus::Pending }) if due == amount.amount => {
            Some(Refund { amount: due, status })
        }
        // Staff had refunded a part before, so payments refunded less than was due. With this refund nothing is owed any more,
        // or a part of it failed.
        Some(Refund { amount: due, status: RefundStatus::Pending })
            if owed <= amount.amount || (!succeeded && amount.amount < due) =>
        {
            Some(Refund { amount: due, status })
        }
        // Another refund settled while the refund of the cancellation is still pending.
        Some(pending @ Refund { status: RefundStatus::Pending, .. }) => Some(pending),
        // Further refunds by staff add up.
        Some(Refund { amount: before, status: RefundStatus::Succeeded }) if succeeded => {
            Some(Refund { amount: before.saturating_add(amount.amount), status })
        }
        Some(Refund { status: RefundStatus::Succeeded | RefundStatus::Failed, .. }) | None => {
            Some(Refund { amount: amount.amount, status })
        }
    };
    if succeeded {
        reservation.refunded = reservation.refunded.saturating_add(amount.amount);
    }
    record(&mut reservation, turn.now(), event);
    save(turn, reservation);
}
