//! The effects of this service reported the state of an intent.

use contracts::Money;
use contracts::payments::{BankMode, IntentSnapshot, IntentState};
use contracts::reservations::PaymentAccepted;

use super::{T, check, fail, mismatch, save, succeed};
use crate::Effect;
use crate::limits;
use crate::state::{BANK, Record, Stage, TimelineEvent};

/// The bank has created an intent. Its id is recorded before it is confirmed.
pub(super) fn intent_created(turn: &mut T<'_>, mut record: Record, intent: String, mode: BankMode) {
    let payment = record.id;
    if record.stage != Stage::Creating {
        // The payment has failed meanwhile, or a repeated effect created a second intent. It is never confirmed.
        if record.intent.as_ref() != Some(&intent) {
            turn.effect(payment.0, &Effect::Cancel { payment, intent });
        }
        return;
    }
    let bank = turn.get(&BANK, &0);
    record.intent = Some(intent.clone());
    record.mode = Some(mode);
    record.record(turn.now(), TimelineEvent::IntentRecorded);
    if bank.is_some_and(|bank| bank != mode) {
        turn.effect(payment.0, &Effect::Cancel { payment, intent });
        return fail::fail(turn, record, "bank_mismatch");
    }
    turn.put(&BANK, &0, &mode);
    record.stage = Stage::Confirming;
    save(turn, &record);
    let not_after = record.created_at.plus_secs(limits::PAY_WITHIN_SECS);
    let return_url = record.return_url;
    turn.effect(payment.0, &Effect::Confirm { payment, intent, return_url, not_after });
}

/// The bank refused to create an intent, or does not know the recorded one. Nothing was charged.
pub(super) fn no_intent(turn: &mut T<'_>, mut record: Record, code: &str) {
    check::completed(turn, &mut record);
    fail::fail(turn, record, code);
}

/// The intent was retrieved.
pub(super) fn intent_retrieved(turn: &mut T<'_>, mut record: Record, intent: IntentSnapshot) {
    // Another intent, for example a superfluous one that was cancelled.
    if record.intent.as_ref() != Some(&intent.intent) {
        return;
    }
    check::completed(turn, &mut record);
    let Some(amount) = record.amount() else { return save(turn, &record) };
    if matches!(record.stage, Stage::Succeeded | Stage::Mismatched) {
        return save(turn, &record);
    }
    if !matches_payment(&record, amount, &intent) {
        // Even if the payment had failed here: the guest was charged.
        if intent.state == IntentState::Succeeded {
            return mismatch::refund_all(turn, record, amount, &intent);
        }
        return fail_and_cancel(turn, record, intent.intent, "bank_mismatch");
    }
    if intent.method.is_some() {
        record.method = intent.method;
    }
    match intent.state {
        // Even if the payment had failed here: the guest was charged.
        IntentState::Succeeded => succeed::succeed(turn, record, amount),
        IntentState::Failed { code } => fail::fail(turn, record, &code),
        IntentState::Canceled => {
            let expired = record.stage == Stage::Action;
            let code = if expired { "authentication_expired" } else { "bank_unavailable" };
            let code = record.cancelling.clone().unwrap_or_else(|| code.to_owned());
            fail::fail(turn, record, &code);
        }
        // The effect that confirms it is in progress.
        IntentState::Unconfirmed => save(turn, &record),
        IntentState::RequiresAction { redirect_url: Some(url) } => action_required(turn, record, url),
        IntentState::RequiresAction { redirect_url: None } => {
            // An authentication that only the bank's own script can show.
            fail_and_cancel(turn, record, intent.intent, "authentication_required");
        }
        IntentState::Processing => {
            if record.stage.is_open() && record.stage != Stage::Waiting {
                accepted(turn, &record);
                record.stage = Stage::Waiting;
                record.redirect_url = None;
                record.record(turn.now(), TimelineEvent::BankProcessing);
                check::schedule(turn, &mut record);
            }
            save(turn, &record);
        }
    }
}

/// Fails the payment and cancels its intent. Only an open payment requests this, because the effect reports the intent again.
fn fail_and_cancel(turn: &mut T<'_>, record: Record, intent: String, code: &str) {
    if record.stage.is_open() {
        let payment = record.id;
        turn.effect(payment.0, &Effect::Cancel { payment, intent });
    }
    fail::fail(turn, record, code);
}

fn action_required(turn: &mut T<'_>, mut record: Record, url: String) {
    if record.stage.is_open() {
        let is_new = record.stage != Stage::Action;
        accepted(turn, &record);
        if is_new || record.redirect_url.as_ref() != Some(&url) {
            record.stage = Stage::Action;
            record.redirect_url = Some(url);
            record.record(turn.now(), TimelineEvent::ActionRequired);
        }
        if is_new {
            check::schedule(turn, &mut record);
        }
    }
    save(turn, &record);
}

/// The bank has accepted the card of a payment that was being confirmed: its hold is extended, once.
fn accepted(turn: &mut T<'_>, record: &Record) {
    let (reservation, payment) = (record.reservation, record.id);
    if record.stage == Stage::Confirming && record.cancelling.is_none() {
        turn.emit(reservation.0, PaymentAccepted { reservation, payment });
    }
}

/// Whether amount, currency and live mode of the intent are those of the payment, and a success received the full amount.
fn matches_payment(record: &Record, amount: Money, intent: &IntentSnapshot) -> bool {
    let live = record.mode == Some(BankMode::Live);
    let received = intent.state != IntentState::Succeeded || intent.received == amount.amount;
    intent.amount == amount.amount
        && intent.currency == amount.currency.code()
        && intent.livemode == live
        && received
}
