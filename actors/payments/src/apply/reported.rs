//! What the bank said of an intent, as our own effects asked it.

use contracts::Money;
use contracts::payments::{BankMode, IntentSnapshot, IntentState};

use super::{T, check, fail, save, succeed};
use crate::limits;
use crate::service::Effect;
use crate::state::{BANK, Record, Stage, TimelineEvent};

/// The bank has made an intent. It is recorded here before anybody confirms it.
pub(super) fn intent_created(turn: &mut T<'_>, mut record: Record, intent: String, mode: BankMode) {
    let payment = record.id;
    if record.stage != Stage::Creating {
        // Given up meanwhile, or a second intent of a repeated effect: nobody will confirm it.
        if record.intent.as_ref() != Some(&intent) {
            turn.effect(payment.0, &Effect::Cancel { payment, intent });
        }
        return;
    }
    let bank = turn.get(&BANK, &0);
    record.intent = Some(intent.clone());
    record.mode = Some(mode);
    record.happened(turn.now(), TimelineEvent::IntentRecorded);
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

/// The bank refuses to make one, or knows nothing of the one that we recorded: either way nothing was charged.
pub(super) fn no_intent(turn: &mut T<'_>, mut record: Record, code: String) {
    check::answered(turn, &mut record);
    fail::fail(turn, record, &code);
}

/// The bank says how far an intent is.
pub(super) fn intent_seen(turn: &mut T<'_>, mut record: Record, seen: IntentSnapshot) {
    // An orphan that was cancelled, say.
    if record.intent.as_ref() != Some(&seen.intent) {
        return;
    }
    check::answered(turn, &mut record);
    let Some(amount) = record.amount() else { return save(turn, &record) };
    if record.stage == Stage::Succeeded {
        return save(turn, &record);
    }
    if !is_ours(&record, amount, &seen) {
        return give_up(turn, record, seen.intent, "bank_mismatch");
    }
    if seen.method.is_some() {
        record.method = seen.method;
    }
    match seen.state {
        // Even if we had given it up: it is the guest's money.
        IntentState::Succeeded => succeed::succeed(turn, record, amount),
        IntentState::Failed { code } => fail::fail(turn, record, &code),
        IntentState::Canceled => {
            let code =
                if record.stage == Stage::Action { "authentication_expired" } else { "bank_unavailable" };
            fail::fail(turn, record, code);
        }
        // The effect that confirms it is still at work.
        IntentState::Unconfirmed => save(turn, &record),
        IntentState::RequiresAction { redirect_url: Some(url) } => action_required(turn, record, url),
        IntentState::RequiresAction { redirect_url: None } => {
            // Something that only the bank's own script can show.
            give_up(turn, record, seen.intent, "authentication_required");
        }
        IntentState::Processing => {
            if record.stage.is_open() && record.stage != Stage::Waiting {
                record.stage = Stage::Waiting;
                record.redirect_url = None;
                record.happened(turn.now(), TimelineEvent::BankProcessing);
                check::schedule(turn, &mut record);
            }
            save(turn, &record);
        }
    }
}

/// Fails it and has the intent cancelled: once, since cancelling reports what it saw.
fn give_up(turn: &mut T<'_>, record: Record, intent: String, code: &str) {
    if record.stage.is_open() {
        let payment = record.id;
        turn.effect(payment.0, &Effect::Cancel { payment, intent });
    }
    fail::fail(turn, record, code);
}

fn action_required(turn: &mut T<'_>, mut record: Record, url: String) {
    if record.stage.is_open() {
        let anew = record.stage != Stage::Action;
        if anew || record.redirect_url.as_ref() != Some(&url) {
            record.stage = Stage::Action;
            record.redirect_url = Some(url);
            record.happened(turn.now(), TimelineEvent::ActionRequired);
        }
        if anew {
            check::schedule(turn, &mut record);
        }
    }
    save(turn, &record);
}

/// Whether it asks for our amount in our currency, really or not as its bank does, and took that.
fn is_ours(record: &Record, amount: Money, seen: &IntentSnapshot) -> bool {
    let live = record.mode == Some(BankMode::Live);
    let received = seen.state != IntentState::Succeeded || seen.received == amount.amount;
    seen.amount == amount.amount
        && seen.currency == amount.currency.code()
        && seen.livemode == live
        && received
}
