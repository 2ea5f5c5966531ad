//! Asking the bank how far a payment is: by a timer, after an event, or when the guest is back.

use contracts::PaymentId;
use contracts::payments::{Refusal, Reply};

use super::{T, save};
use crate::limits;
use crate::service::{Effect, Timer};
use crate::state::{PAYMENTS, Record, Stage};

/// The guest is back from 3-D Secure.
pub(super) fn returned(turn: &mut T<'_>, payment: PaymentId) -> Result<Reply, Refusal> {
    let record = turn.get(&PAYMENTS, &payment).filter(|record| record.is_visible_to(turn.caller()));
    let record = record.ok_or(Refusal::NoSuchPayment)?;
    if helps(record.stage) {
        ask(turn, record);
    }
    Ok(Reply::Done)
}

/// A timer: the bank may have forgotten to tell us.
pub(super) fn recheck(turn: &mut T<'_>, payment: PaymentId) {
    let Some(mut record) = turn.get(&PAYMENTS, &payment) else { return };
    if record.stage.is_open() && helps(record.stage) {
        schedule(turn, &mut record);
        ask(turn, record);
    }
}

/// Whether asking can bring news. Before, the effect that makes or confirms the intent asks by itself, and comes first;
/// what we had given up may have succeeded all the same.
pub(super) fn helps(stage: Stage) -> bool {
    match stage {
        Stage::Action | Stage::Waiting | Stage::Failed => true,
        Stage::Quoting | Stage::Creating | Stage::Confirming | Stage::Succeeded => false,
    }
}

/// Schedules the next question; the pauses double.
pub(super) fn schedule(turn: &mut T<'_>, record: &mut Record) {
    let pause = limits::RECHECK_SECS << record.rechecks.min(16);
    record.rechecks += 1;
    turn.schedule(turn.now().plus_secs(pause.min(limits::RECHECK_SECS_MAX)), Timer::Recheck(record.id));
}

/// Asks, unless somebody is asking: the answer under way may be older than the event, so it is asked again after it.
pub(super) fn ask(turn: &mut T<'_>, mut record: Record) {
    if let Some(intent) = record.intent.clone() {
        if record.checking {
            record.check_again = true;
        } else {
            record.checking = true;
            turn.effect(record.id.0, &Effect::Check { payment: record.id, intent });
        }
    }
    save(turn, &record);
}

/// An answer is there.
pub(super) fn answered(turn: &mut T<'_>, record: &mut Record) {
    record.checking = false;
    if std::mem::take(&mut record.check_again)
        && let Some(intent) = record.intent.clone()
    {
        record.checking = true;
        turn.effect(record.id.0, &Effect::Check { payment: record.id, intent });
    }
}
