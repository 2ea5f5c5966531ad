//! The time limit of a payment: a payment that cannot succeed any more fails; otherwise its intent is cancelled at the bank
//! first.

use contracts::PaymentId;

use super::{T, fail};
use crate::Effect;
use crate::state::{PAYMENTS, Stage};

pub(super) fn expire(turn: &mut T<'_>, payment: PaymentId) {
    let Some(record) = turn.get(&PAYMENTS, &payment) else { return };
    match record.stage {
        // Nothing can have been charged. An intent that is reported later is cancelled.
        Stage::Quoting | Stage::Creating => fail::fail(turn, record, "bank_unavailable"),
        // The effect reports the state of the intent, whether it could be cancelled or not.
        Stage::Action => {
            if let Some(intent) = record.intent {
                turn.effect(payment.0, &Effect::Cancel { payment, intent });
            }
        }
        // The confirming effect has a deadline of its own. A processing intent is retrieved until the bank reports an outcome.
        Stage::Confirming | Stage::Waiting => {}
        Stage::Succeeded | Stage::Failed | Stage::Mismatched => {}
    }
}
