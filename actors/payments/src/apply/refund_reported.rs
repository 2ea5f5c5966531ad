//! The bank reported the status of a refund. A pending refund is retrieved again later.

use contracts::payments::RefundStatus;
use contracts::reservations::RefundSettled;
use contracts::{Money, PaymentId, RefundId};

use super::{T, credit_note, mail_key, refund_key, save};
use crate::limits;
use crate::state::{PAYMENTS, Record, TimelineEvent};
use crate::{Effect, Timer};

pub(super) fn refund_reported(turn: &mut T<'_>, mut record: Record, id: RefundId, status: RefundStatus) {
    let (payment, reservation, now) = (record.id, record.reservation, turn.now());
    let Some(currency) = record.amount().map(|amount| amount.currency) else { return };
    let Some(refund) = record.refunds.iter_mut().find(|refund| refund.id == id) else { return };
    let amount = Money::new(refund.amount, currency);
    if refund.status == status || refund.status == RefundStatus::Failed {
        if status == RefundStatus::Pending {
            let pause = limits::RECHECK_SECS << refund.rechecks.min(16);
            refund.rechecks += 1;
            turn.schedule(
                now.plus_secs(pause.min(limits::RECHECK_SECS_MAX)),
                Timer::RecheckRefund(payment, id),
            );
            save(turn, &record);
        }
        return;
    }
    // A refund that succeeded can fail days later: the bank has returned the money to the hotel.
    refund.status = status;
    refund.settled_at = Some(now);
    let succeeded = match status {
        RefundStatus::Pending => return,
        RefundStatus::Succeeded => {
            record.record(now, TimelineEvent::RefundSucceeded { amount });
            turn.effect(mail_key(payment), &Effect::MailRefund { payment, refund: id });
            true
        }
        RefundStatus::Failed => {
            record.record(now, TimelineEvent::RefundFailed { amount });
            false
        }
    };
    credit_note::issue_if_due(turn, &mut record, id);
    save(turn, &record);
    turn.emit(reservation.0, RefundSettled { reservation, payment, refund: id, amount, succeeded });
}

/// A timer: the refund was pending.
pub(super) fn recheck(turn: &mut T<'_>, payment: PaymentId, id: RefundId) {
    let Some(record) = turn.get(&PAYMENTS, &payment) else { return };
    if record.refunds.iter().any(|refund| refund.id == id && refund.status == RefundStatus::Pending) {
        request_status(turn, &record, id);
    }
}

/// Requests the status from the bank. The effect is the one that creates a refund, because it looks for an existing one first.
pub(super) fn request_status(turn: &mut T<'_>, record: &Record, id: RefundId) {
    let refund = record.refunds.iter().find(|refund| refund.id == id);
    if let (Some(refund), Some(intent), Some(paid)) = (refund, record.intent.clone(), record.amount()) {
        let amount = Money::new(refund.amount, paid.currency);
        turn.effect(refund_key(id), &Effect::Refund { payment: record.id, refund: id, intent, amount });
    }
}
