//! Refunds: requested by reservations or by staff.

use contracts::payments::{RefundPayment, RefundReason, RefundStatus, Refusal, RequestRefund};
use contracts::reservations::RefundSettled;
use contracts::{Money, RefundId};

use super::{T, refund_key, save, within_bounds};
use crate::Effect;
use crate::limits;
use crate::state::{PAYMENTS, Record, RefundRow, Stage, TimelineEvent, administers, works_for};

/// From reservations. If less than the amount is left, the rest is refunded; `RefundSettled` reports how much.
pub(super) fn refund_payment(turn: &mut T<'_>, request: RefundPayment) -> Result<Option<RefundId>, Refusal> {
    let RefundPayment { payment, reservation, amount, reason } = request;
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
        // Nothing was captured, or all of it is refunded already.
        let succeeded = record.stage == Stage::Succeeded && record.left() == 0;
        let amount = Money::zero(amount.currency);
        turn.emit(reservation.0, RefundSettled { reservation, payment, refund: id, amount, succeeded });
        return Ok(None);
    }
    begin(turn, record, id, minor, reason);
    Ok(Some(id))
}

/// From staff of the hotel or an administrator.
pub(super) fn request_refund(turn: &mut T<'_>, request: RequestRefund) -> Result<RefundId, Refusal> {
    let RequestRefund { payment, amount, reason } = request;
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
    if let Some(paid) = record.amount()
        && minor % paid.currency.rounding_increment() != 0
    {
        let (step, currency) = (paid.currency.rounding_increment(), paid.currency);
        let why = format!("amounts in {currency} must be a multiple of {step} minor units");
        return Err(Refusal::BadField { field: "amount".into(), why });
    }
    if record.refunds.len() >= limits::REFUNDS_MAX {
        let why = format!("this payment has {} refunds already", limits::REFUNDS_MAX);
        return Err(Refusal::BadField { field: "amount".into(), why });
    }
    // No writes above this line, no refusals below it.
    let id = RefundId(turn.fresh_id(payment.slot()));
    begin(turn, record, id, minor, reason);
    Ok(id)
}

/// Records a refund and creates it at the bank. `minor` does not exceed what is left.
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
    record.record(now, TimelineEvent::RefundStarted { amount });
    save(turn, &record);
    turn.effect(refund_key(id), &Effect::Refund { payment, refund: id, intent, amount });
}
