//! Money has gone back, or could not.

use contracts::reservations::{PaymentState, Refund, RefundStatus, Reply, TimelineEvent};
use contracts::{Money, PaymentId, ReservationId};
use group::Turn;

use super::{find, note, save};
use crate::Reservations;

pub(super) fn refund_settled(
    turn: &mut Turn<'_, Reservations>,
    id: ReservationId,
    payment: PaymentId,
    amount: Money,
    succeeded: bool,
) -> Reply {
    let Some(mut reservation) = find(turn, id) else { return Reply::Done };
    // A surplus payment that went back says nothing of the one that counts.
    if !matches!(reservation.payment, PaymentState::Paid { payment: paid, .. } if paid == payment) {
        note(
            &mut reservation,
            turn.now(),
            if succeeded { TimelineEvent::Refunded } else { TimelineEvent::RefundFailed },
        );
        save(turn, reservation);
        return Reply::Done;
    }
    let owed = reservation.paid() - reservation.penalty - reservation.refunded;
    let status = if succeeded { RefundStatus::Succeeded } else { RefundStatus::Failed };
    reservation.refund = match reservation.refund {
        // The one that cancelling set off.
        Some(Refund { amount: due, status: RefundStatus::Pending }) if due == amount.amount => {
            Some(Refund { amount: due, status })
        }
        // Staff gave some of it back before, so that payments had less left than was due: with this, all has gone back;
        // or some of it could not.
        Some(Refund { amount: due, status: RefundStatus::Pending })
            if owed <= amount.amount || (!succeeded && amount.amount < due) =>
        {
            Some(Refund { amount: due, status })
        }
        // Something else went back while it is still on its way.
        Some(pending @ Refund { status: RefundStatus::Pending, .. }) => Some(pending),
        // One after another, out of goodwill.
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
    note(
        &mut reservation,
        turn.now(),
        if succeeded { TimelineEvent::Refunded } else { TimelineEvent::RefundFailed },
    );
    save(turn, reservation);
    Reply::Done
}
