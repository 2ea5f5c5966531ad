//! A payment succeeded: assigns the receipt number in the same turn, and notifies reservations.

use contracts::payments::RefundReason;
use contracts::reservations::PaymentSucceeded;
use contracts::{Money, RefundId};

use super::{T, mail_key, refund, save};
use crate::Effect;
use crate::state::{CURRENT, LAST_RECEIPT, RECEIPTS, Record, Stage, TimelineEvent};

/// `record` is quoted. It is open, or has failed although its intent succeeded later.
pub(super) fn succeed(turn: &mut T<'_>, mut record: Record, amount: Money) {
    let Some(hotel) = record.hotel() else { return };
    let (reservation, payment, now) = (record.reservation, record.id, turn.now());
    let number = turn.get(&LAST_RECEIPT, &hotel).unwrap_or_default() + 1;
    turn.put(&LAST_RECEIPT, &hotel, &number);
    turn.put(&RECEIPTS, &(hotel, number), &payment);
    record.stage = Stage::Succeeded;
    record.redirect_url = None;
    record.failure = None;
    record.captured = amount.amount;
    record.receipt = Some(number);
    record.succeeded_at = Some(now);
    record.record(now, TimelineEvent::Succeeded { receipt: number });
    turn.effect(mail_key(payment), &Effect::MailReceipt { payment });
    let current = turn.get(&CURRENT, &reservation).unwrap_or(payment);
    if current == payment {
        turn.put(&CURRENT, &reservation, &payment);
        save(turn, &record);
        // Reservations confirms, or requests a refund if the hold has ended.
        turn.emit(reservation.0, PaymentSucceeded { reservation, payment, amount });
    } else {
        // This payment had failed and another has taken its place: this one is refunded.
        record.surplus = true;
        record.record(now, TimelineEvent::Surplus);
        let id = RefundId(turn.fresh_id(payment.slot()));
        refund::begin(turn, record, id, amount.amount, RefundReason::TooLate);
    }
}
