//! Retrieving the intent of a payment from the bank: by a timer, after a bank event, or when the guest returns.

use contracts::PaymentId;
use contracts::payments::{GuestReturned, Refusal};

use super::{T, save};
use crate::limits;
use crate::state::{PAYMENTS, Record, Stage};
use crate::{Effect, Timer};

/// The guest returned from 3-D Secure.
pub(super) fn guest_returned(turn: &mut T<'_>, request: &GuestReturned) -> Result<(), Refusal> {
    let record = turn.get(&PAYMENTS, &request.payment).filter(|record| record.is_visible_to(turn.caller()));
    let record = record.ok_or(Refusal::NoSuchPayment)?;
    if is_useful(record.stage) {
        retrieve(turn, record);
    }
    Ok(())
}

/// A timer: a webhook may have been lost.
pub(super) fn recheck(turn: &mut T<'_>, payment: PaymentId) {
    let Some(mut record) = turn.get(&PAYMENTS, &payment) else { return };
    if record.stage.is_open() && is_useful(record.stage) {
        schedule(turn, &mut record);
        retrieve(turn, record);
    }
}

/// Whether a retrieval is useful at this stage. In earlier stages the effect that creates or confirms the intent reports its
/// state anyway. An intent of a failed payment may have succeeded after all.
pub(super) fn is_useful(stage: Stage) -> bool {
    match stage {
        Stage::Action | Stage::Waiting | Stage::Failed => true,
        Stage::Quoting | Stage::Creating | Stage::Confirming | Stage::Succeeded | Stage::Mismatched => false,
    }
}

/// Schedules the next retrieval, with exponential backoff.
pub(super) fn schedule(turn: &mut T<'_>, record: &mut Record) {
    let pause = limits::RECHECK_SECS << record.rechecks.min(16);
    record.rechecks += 1;
    turn.schedule(turn.now().plus_secs(pause.min(limits::RECHECK_SECS_MAX)), Timer::Recheck(record.id));
}

/// Requests a retrieval, or once more the cancellation of a payment that is being cancelled. If a retrieval is in progress,
/// another follows it, because the result may be older than the event.
pub(super) fn retrieve(turn: &mut T<'_>, mut record: Record) {
    if let Some(intent) = record.intent.clone() {
        if record.stage.is_open() && record.cancelling.is_some() {
            turn.effect(record.id.0, &Effect::Cancel { payment: record.id, intent });
        } else if record.checking {
            record.check_again = true;
        } else {
            record.checking = true;
            turn.effect(record.id.0, &Effect::Check { payment: record.id, intent });
        }
    }
    save(turn, &record);
}

/// A retrieval has returned.
pub(super) fn completed(turn: &mut T<'_>, record: &mut Record) {
    record.checking = false;
    if std::mem::take(&mut record.check_again)
        && let Some(intent) = record.intent.clone()
    {
        record.checking = true;
        turn.effect(record.id.0, &Effect::Check { payment: record.id, intent });
    }
}
