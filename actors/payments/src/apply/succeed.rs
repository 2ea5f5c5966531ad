//! The money is here: the receipt's number is taken in this very turn, and reservations is told.

use contracts::payments::RefundReason;
use contracts::reservations::{self, Reservations};
use contracts::{Money, RefundId};

use super::{T, mail_key, refund, save};
use crate::service::Effect;
use crate::state::{CURRENT, LAST_RECEIPT, RECEIPTS, Record, Stage, TimelineEvent};

/// `record` is open, or had failed as far as we knew; it has been quoted.
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
    record.happened(now, TimelineEvent::Succeeded { receipt: number });
    turn.effect(mail_key(payment), &Effect::MailReceipt { payment });
    let current = turn.get(&CURRENT, &reservation).unwrap_or(payment);
    if current == payment {
        turn.put(&CURRENT, &reservation, &payment);
        save(turn, &record);
        // Reservations confirms, or has it given back when the hold is gone.
        let command = reservations::Command::PaymentSucceeded { reservation, payment, amount };
        turn.send::<Reservations>(reservation.0, &command);
    } else {
        // We had given this one up and another has taken its place: nobody owes this money.
        record.surplus = true;
        record.happened(now, TimelineEvent::Surplus);
        let id = RefundId(turn.fresh_id(payment.slot()));
        refund::begin(turn, record, id, amount.amount, RefundReason::TooLate);
    }
}
