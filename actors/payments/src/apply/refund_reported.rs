//! The bank reported the status of a refund. A pending refund is retrieved again later, and also one that succeeded: it can
//! fail days later, when the guest's bank returns the money.

use contracts::payments::RefundStatus;
use contracts::{Money, PaymentId, RefundId};

use super::{T, credit_note, mail_key, refund, save};
use crate::limits;
use crate::state::{PAYMENTS, Record, TimelineEvent};
use crate::{Effect, Timer};

const DAY_SECS: i64 = 24 * 3600;

pub(super) fn refund_reported(turn: &mut T<'_>, mut record: Record, id: RefundId, status: RefundStatus) {
    let (payment, now) = (record.id, turn.now());
    let Some(currency) = record.currency() else { return };
    let Some(refund) = record.refunds.iter_mut().find(|refund| refund.id == id) else { return };
    let amount = Money::new(refund.amount, currency);
    if refund.status == status || refund.status == RefundStatus::Failed || refund.settled_otherwise.is_some()
    {
        if status == RefundStatus::Pending && refund.status == RefundStatus::Pending {
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
    match status {
        // An old report: the refund has succeeded since.
        RefundStatus::Pending => return,
        RefundStatus::Succeeded => {
            refund.status = status;
            refund.settled_at = Some(now);
            record.record(now, TimelineEvent::RefundSucceeded { amount });
            turn.effect(mail_key(payment), &Effect::MailRefund { payment, refund: id });
            for days in limits::REFUND_RECHECK_DAYS {
                turn.schedule(now.plus_secs(days * DAY_SECS), Timer::RecheckRefund(payment, id));
            }
        }
        // Also a refund that had succeeded: the hotel has the money again, and staff has to resolve it.
        RefundStatus::Failed => {
            refund.status = status;
            refund.settled_at = Some(now);
            record.record(now, TimelineEvent::RefundFailed { amount });
        }
    }
    credit_note::issue_if_due(turn, &mut record, id);
    save(turn, &record);
    turn.emit(record.reservation.0, refund::changed(&record, id, amount, status));
}

/// A timer: the refund was pending, or it has succeeded some days ago.
pub(super) fn recheck(turn: &mut T<'_>, payment: PaymentId, id: RefundId) {
    let Some(record) = turn.get(&PAYMENTS, &payment) else { return };
    let wanted = |status| matches!(status, RefundStatus::Pending | RefundStatus::Succeeded);
    if record.refunds.iter().any(|row| row.id == id && wanted(row.status) && row.settled_otherwise.is_none())
    {
        refund::request_at_bank(turn, &record, id);
    }
}
