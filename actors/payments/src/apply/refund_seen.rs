//! What the bank said of a refund: until it has reached its end, it is asked again.

use contracts::payments::RefundStatus;
use contracts::reservations::{self, Reservations};
use contracts::{Money, PaymentId, RefundId};

use super::{T, mail_key, refund_key, save};
use crate::limits;
use crate::service::{Effect, Timer};
use crate::state::{PAYMENTS, Record, TimelineEvent};

pub(super) fn refund_seen(turn: &mut T<'_>, mut record: Record, id: RefundId, status: RefundStatus) {
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
    // A refund that the bank called a success can fail days later: the money is back with us then.
    refund.status = status;
    refund.settled_at = Some(now);
    let succeeded = match status {
        RefundStatus::Pending => return,
        RefundStatus::Succeeded => {
            record.happened(now, TimelineEvent::RefundSucceeded { amount });
            turn.effect(mail_key(payment), &Effect::MailRefund { payment, refund: id });
            true
        }
        RefundStatus::Failed => {
            record.happened(now, TimelineEvent::RefundFailed { amount });
            false
        }
    };
    save(turn, &record);
    let settled =
        reservations::Command::RefundSettled { reservation, payment, refund: id, amount, succeeded };
    turn.send::<Reservations>(reservation.0, &settled);
}

/// A timer: the refund was pending.
pub(super) fn recheck(turn: &mut T<'_>, payment: PaymentId, id: RefundId) {
    let Some(record) = turn.get(&PAYMENTS, &payment) else { return };
    if record.refunds.iter().any(|refund| refund.id == id && refund.status == RefundStatus::Pending) {
        ask(turn, &record, id);
    }
}

/// Asks the bank; the same effect that makes a refund, since it looks first.
pub(super) fn ask(turn: &mut T<'_>, record: &Record, id: RefundId) {
    let refund = record.refunds.iter().find(|refund| refund.id == id);
    if let (Some(refund), Some(intent), Some(paid)) = (refund, record.intent.clone(), record.amount()) {
        let amount = Money::new(refund.amount, paid.currency);
        turn.effect(refund_key(id), &Effect::Refund { payment: record.id, refund: id, intent, amount });
    }
}
