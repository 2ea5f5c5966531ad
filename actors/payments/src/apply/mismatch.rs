//! The bank captured another amount, another currency, or in another mode than was requested: all of it is refunded, staff is
//! alerted, and the reservation is free for another attempt.

use contracts::payments::{Failure, IntentSnapshot, RefundReason};
use contracts::reservations::PaymentFailed;
use contracts::{Money, RefundId};

use super::{T, refund};
use crate::state::{CURRENT, Record, Stage, TimelineEvent};

/// `record` has an amount, is open or has failed, and its intent succeeded.
pub(super) fn refund_all(turn: &mut T<'_>, mut record: Record, expected: Money, intent: &IntentSnapshot) {
    let (reservation, payment, now) = (record.reservation, record.id, turn.now());
    let currency = intent.currency.parse().unwrap_or(expected.currency);
    // What the bank reports may not be an amount of its currency. The refund is of the whole charge in any case.
    let captured = [intent.received, intent.amount].into_iter().find(|amount| *amount > 0);
    let captured = Money::new(captured.unwrap_or(expected.amount), currency);
    let was_open = record.stage.is_open();
    record.stage = Stage::Mismatched;
    record.redirect_url = None;
    record.failure = Some(Failure { code: "bank_mismatch".to_owned() });
    record.method = intent.method.clone().or(record.method);
    record.captured = captured.amount;
    record.mismatch = Some(captured);
    record.record(now, TimelineEvent::Mismatched { amount: captured });
    if turn.get(&CURRENT, &reservation) == Some(payment) {
        turn.remove(&CURRENT, &reservation);
    }
    if was_open {
        turn.emit(reservation.0, PaymentFailed { reservation, payment });
    }
    let id = RefundId(turn.fresh_id(payment.slot()));
    refund::begin(turn, record, id, captured.amount, RefundReason::BankMismatch);
}
