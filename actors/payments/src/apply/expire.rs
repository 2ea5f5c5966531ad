//! The time to pay is over: what can no longer succeed fails, what might is cancelled at the bank first.

use contracts::PaymentId;

use super::{T, fail};
use crate::service::Effect;
use crate::state::{PAYMENTS, Stage};

pub(super) fn expire(turn: &mut T<'_>, payment: PaymentId) {
    let Some(record) = turn.get(&PAYMENTS, &payment) else { return };
    match record.stage {
        // Nobody can have charged anything. An intent that turns up later is cancelled.
        Stage::Quoting | Stage::Creating => fail::fail(turn, record, "bank_unavailable"),
        // The effect looks before it cancels, and reports what it saw.
        Stage::Action => {
            if let Some(intent) = record.intent {
                turn.effect(payment.0, &Effect::Cancel { payment, intent });
            }
        }
        // The confirming effect knows the hour itself, and a bank that is processing is asked again and again: whether
        // money moved is for the bank alone to say.
        Stage::Confirming | Stage::Waiting => {}
        Stage::Succeeded | Stage::Failed => {}
    }
}
