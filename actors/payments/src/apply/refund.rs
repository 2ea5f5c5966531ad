//! Refunds: requested by reservations or by staff.

use contracts::payments::{
    RefundPayment, RefundReason, RefundStatus, Refusal, RequestRefund, RetryRefund, SettleRefund,
};
use contracts::reservations::RefundChanged;
use contracts::{Money, PaymentId, RefundId, manages_all_hotels, manages_hotel};

use super::{T, credit_note, refund_key, save, within_bounds};
use crate::Effect;
use crate::limits;
use crate::state::{PAYMENTS, Record, RefundRow, Stage, TimelineEvent};

/// From reservations: the guest gets back `amount` in total. Refunds that were made before or are pending count towards it.
/// Refunds that failed are made good by the new one, so that the guest never gets less because of them.
pub(super) fn refund_payment(turn: &mut T<'_>, request: RefundPayment) -> Result<Option<RefundId>, Refusal> {
    let RefundPayment { payment, reservation, amount, reason } = request;
    let record = turn.get(&PAYMENTS, &payment).filter(|record| record.reservation == reservation);
    let mut record = record.ok_or(Refusal::NoSuchPayment)?;
    let id = RefundId(turn.fresh_id(payment.slot()));
    let made = record.refunds_total();
    let due = amount.amount.min(record.captured).max(made + record.unresolved());
    let minor = due - made;
    let captured = record.stage == Stage::Succeeded && record.currency() == Some(amount.currency);
    if !captured || minor <= 0 || record.refunds.len() >= limits::REFUNDS_MAX {
        let status = if captured && minor <= 0 { RefundStatus::Succeeded } else { RefundStatus::Failed };
        let failed = if status == RefundStatus::Failed { minor.max(0) } else { 0 };
        let changed = changed(&record, id, Money::zero(amount.currency), status);
        turn.emit(reservation.0, RefundChanged { failed, ..changed });
        return Ok(None);
    }
    for refund in record.refunds.iter_mut().filter(|refund| refund.status == RefundStatus::Failed) {
        refund.retried_as.get_or_insert(id);
    }
    begin(turn, record, id, minor, reason);
    Ok(Some(id))
}

/// From staff of the hotel or an administrator.
pub(super) fn request_refund(turn: &mut T<'_>, request: RequestRefund) -> Result<RefundId, Refusal> {
    let RequestRefund { payment, amount, reason } = request;
    let record = find_for_staff(turn, payment)?;
    let reason = RefundReason::Requested(reason);
    if !within_bounds(&reason) {
        return Err(bad("reason", &format!("at most {} characters", limits::REASON_CHARS_MAX)));
    }
    if record.stage != Stage::Succeeded {
        return Err(Refusal::NotRefundable);
    }
    let left = record.left();
    let minor = amount.unwrap_or(left);
    if amount.is_some_and(|amount| amount <= 0) {
        return Err(bad("amount", "must be at least 1 minor unit"));
    }
    if minor > left || left == 0 {
        return Err(Refusal::MoreThanLeft { left });
    }
    if let Some(paid) = record.amount()
        && minor % paid.currency.rounding_increment() != 0
    {
        let (step, currency) = (paid.currency.rounding_increment(), paid.currency);
        let why = format!("amounts in {currency} must be a multiple of {step} minor units");
        return Err(bad("amount", &why));
    }
    check_count(&record)?;
    // No writes above this line, no refusals below it.
    let id = RefundId(turn.fresh_id(payment.slot()));
    begin(turn, record, id, minor, reason);
    Ok(id)
}

/// From staff: a refund that failed is made once more.
pub(super) fn retry_refund(turn: &mut T<'_>, request: &RetryRefund) -> Result<RefundId, Refusal> {
    let RetryRefund { payment, refund } = *request;
    let mut record = find_for_staff(turn, payment)?;
    let left = record.left();
    let failed = find_refund(&record, refund)?;
    // A retry, because the first reply was lost, or a cancellation has replaced the refund.
    if let Some(replacement) = failed.retried_as {
        return Ok(replacement);
    }
    if failed.status != RefundStatus::Failed {
        return Err(Refusal::RefundNotFailed);
    }
    if left <= 0 {
        return Err(Refusal::MoreThanLeft { left });
    }
    check_count(&record)?;
    // No writes above this line, no refusals below it.
    let (minor, reason) = (failed.amount.min(left), failed.reason.clone());
    let id = RefundId(turn.fresh_id(payment.slot()));
    if let Some(failed) = record.refunds.iter_mut().find(|row| row.id == refund) {
        failed.retried_as = Some(id);
    }
    begin(turn, record, id, minor, reason);
    Ok(id)
}

/// From staff: the guest was paid in another way.
pub(super) fn settle_refund(turn: &mut T<'_>, request: SettleRefund) -> Result<(), Refusal> {
    let SettleRefund { payment, refund, note } = request;
    let mut record = find_for_staff(turn, payment)?;
    let (left, failed) = (record.left(), find_refund(&record, refund)?);
    if note.trim().is_empty() || note.chars().count() > limits::REASON_CHARS_MAX {
        return Err(bad("note", &format!("1 to {} characters", limits::REASON_CHARS_MAX)));
    }
    // A retry, because the first reply was lost.
    if failed.settled_otherwise.as_ref() == Some(&note) {
        return Ok(());
    }
    if failed.status != RefundStatus::Failed || failed.retried_as.is_some() {
        return Err(Refusal::RefundNotFailed);
    }
    if failed.amount > left {
        return Err(Refusal::MoreThanLeft { left });
    }
    let Some(currency) = record.currency() else { return Err(Refusal::NotRefundable) };
    // No writes above this line, no refusals below it.
    let (now, amount) = (turn.now(), Money::new(failed.amount, currency));
    if let Some(row) = record.refunds.iter_mut().find(|row| row.id == refund) {
        row.status = RefundStatus::Succeeded;
        row.settled_at = Some(now);
        row.settled_otherwise = Some(note);
    }
    record.record(now, TimelineEvent::RefundSettledOtherwise { amount });
    credit_note::issue_if_due(turn, &mut record, refund);
    save(turn, &record);
    turn.emit(record.reservation.0, changed(&record, refund, amount, RefundStatus::Succeeded));
    Ok(())
}

/// Records a refund and creates it at the bank. `minor` does not exceed what is left.
pub(super) fn begin(turn: &mut T<'_>, mut record: Record, id: RefundId, minor: i64, reason: RefundReason) {
    let now = turn.now();
    let Some(currency) = record.currency() else { return };
    record.refunds.push(RefundRow {
        id,
        amount: minor,
        reason,
        status: RefundStatus::Pending,
        created_at: now,
        settled_at: None,
        rechecks: 0,
        retried_as: None,
        settled_otherwise: None,
    });
    let amount = Money::new(minor, currency);
    record.record(now, TimelineEvent::RefundStarted { amount });
    save(turn, &record);
    request_at_bank(turn, &record, id);
    turn.emit(record.reservation.0, changed(&record, id, amount, RefundStatus::Pending));
}

/// Has the bank create a refund unless it exists, and report its status.
pub(super) fn request_at_bank(turn: &mut T<'_>, record: &Record, id: RefundId) {
    let refund = record.refunds.iter().find(|refund| refund.id == id);
    let (Some(refund), Some(intent), Some(currency)) = (refund, record.intent.clone(), record.currency())
    else {
        return;
    };
    let payment = record.id;
    let effect = if record.mismatch.is_some() {
        Effect::RefundAll { payment, refund: id, intent }
    } else {
        Effect::Refund { payment, refund: id, intent, amount: Money::new(refund.amount, currency) }
    };
    turn.effect(refund_key(id), &effect);
}

/// The event about a refund that has `status` now.
pub(super) fn changed(
    record: &Record,
    refund: RefundId,
    amount: Money,
    status: RefundStatus,
) -> RefundChanged {
    RefundChanged {
        reservation: record.reservation,
        payment: record.id,
        refund,
        amount,
        status,
        refunded: record.refunded(),
        pending: record.pending(),
        failed: record.unresolved(),
    }
}

fn find_for_staff(turn: &T<'_>, payment: PaymentId) -> Result<Record, Refusal> {
    let record = turn.get(&PAYMENTS, &payment).ok_or(Refusal::NoSuchPayment)?;
    let caller = turn.caller();
    let may = manages_all_hotels(caller) || record.hotel().is_some_and(|hotel| manages_hotel(caller, hotel));
    may.then_some(record).ok_or(Refusal::NoSuchPayment)
}

fn find_refund(record: &Record, id: RefundId) -> Result<&RefundRow, Refusal> {
    record.refunds.iter().find(|refund| refund.id == id).ok_or(Refusal::NoSuchRefund)
}

fn check_count(record: &Record) -> Result<(), Refusal> {
    if record.refunds.len() < limits::STAFF_REFUNDS_MAX {
        return Ok(());
    }
    Err(bad("amount", &format!("this payment has {} refunds already", limits::STAFF_REFUNDS_MAX)))
}

fn bad(field: &str, why: &str) -> Refusal {
    Refusal::BadField { field: field.to_owned(), why: why.to_owned() }
}
