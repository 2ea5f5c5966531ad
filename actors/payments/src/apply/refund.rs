//! Money goes back: because reservations owes it, or because staff says so.

use contracts::payments::{RefundReason, RefundStatus, Refusal, Reply};
use contracts::reservations::{self, Reservations};
use contracts::{Money, PaymentId, RefundId, ReservationId};

use super::{T, refund_key, save, within_bounds};
use crate::limits;
use crate::service::Effect;
use crate::state::{PAYMENTS, Record, RefundRow, Stage, TimelineEvent, administers, works_for};

/// From reservations. It is never refused for lack of money: what is left goes back, and reservations hears how much.
pub(super) fn owed(
    turn: &mut T<'_>,
    payment: PaymentId,
    reservation: ReservationId,
    amount: Money,
    reason: RefundReason,
) -> Result<Reply, Refusal> {
    let record = turn.get(&PAYMENTS, &payment).filter(|record| record.reservation == reservation);
    let record = record.ok_or(Refusal::NoSuchPayment)?;
    let id = RefundId(turn.fresh_id(payment.slot()));
    let same_currency = record.amount().is_some_and(|paid| paid.currency == amount.currency);
    let minor = amount.amount.min(record.left());
    if record.stage != Stage::Succeeded
        || !same_currency
        || minor <= 0
        || record.refunds.len() >= limits::REFUNDS_MAX
    {
        // Nothing was taken, or all of it is going back already: there is nothing to do, and that is its end.
        let succeeded = record.stage == Stage::Succeeded && record.left() == 0;
        let settled = reservations::Command::RefundSettled {
            reservation,
            payment,
            refund: id,
            amount: Money::zero(amount.currency),
            succeeded,
        };
        turn.send::<Reservations>(reservation.0, &settled);
        return Ok(Reply::Done);
    }
    begin(turn, record, id, minor, reason);
    Ok(Reply::RefundStarted(id))
}

/// From staff of the hotel or an administrator.
pub(super) fn requested(
    turn: &mut T<'_>,
    payment: PaymentId,
    amount: Option<i64>,
    reason: String,
) -> Result<Reply, Refusal> {
    let record = turn.get(&PAYMENTS, &payment).ok_or(Refusal::NoSuchPayment)?;
    let caller = turn.caller();
    if !administers(caller) && !record.hotel().is_some_and(|hotel| works_for(caller, hotel)) {
        return Err(Refusal::NoSuchPayment);
    }
    let reason = RefundReason::Requested(reason);
    if !within_bounds(&reason) {
        let why = format!("at most {} characters", limits::REASON_CHARS_MAX);
        return Err(Refusal::BadField { field: "reason".into(), why });
    }
    if record.stage != Stage::Succeeded {
        return Err(Refusal::NotRefundable);
    }
    let left = record.left();
    let minor = amount.unwrap_or(left);
    if amount.is_some_and(|amount| amount <= 0) {
        return Err(Refusal::BadField {
            field: "amount".into(),
            why: "must be at least 1 minor unit".into(),
        });
    }
    if minor > left || left == 0 {
        return Err(Refusal::MoreThanLeft { left });
    }
    if record.refunds.len() >= limits::REFUNDS_MAX {
        let why = format!("this payment has had {} refunds", limits::REFUNDS_MAX);
        return Err(Refusal::BadField { field: "amount".into(), why });
    }
    // Nothing is written above this line; nothing is refused below it.
    let id = RefundId(turn.fresh_id(payment.slot()));
    begin(turn, record, id, minor, reason);
    Ok(Reply::RefundStarted(id))
}

/// Writes a refund down and asks the bank for it. `minor` is not more than what is left.
pub(super) fn begin(turn: &mut T<'_>, mut record: Record, id: RefundId, minor: i64, reason: RefundReason) {
    let (payment, now) = (record.id, turn.now());
    let (Some(amount), Some(intent)) = (record.amount(), record.intent.clone()) else { return };
    record.refunds.push(RefundRow {
        id,
        amount: minor,
        reason,
        status: RefundStatus::Pending,
        created_at: now,
        settled_at: None,
        rechecks: 0,
    });
    let amount = Money::new(minor, amount.currency);
    record.happened(now, TimelineEvent::RefundStarted { amount });
    save(turn, &record);
    turn.effect(refund_key(id), &Effect::Refund { payment, refund: id, intent, amount });
}
