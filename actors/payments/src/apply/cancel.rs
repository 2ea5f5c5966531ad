//! Abandons an open payment: its intent is cancelled at the bank.

use contracts::payments::{CancelPayment, Refusal};

use super::{T, fail, save};
use crate::Effect;
use crate::state::{PAYMENTS, Stage, TimelineEvent};

/// From the guest, who wants to use another card, or from reservations, whose hold has ended.
pub(super) fn cancel_payment(turn: &mut T<'_>, request: &CancelPayment) -> Result<(), Refusal> {
    let payment = request.payment;
    let record = turn.get(&PAYMENTS, &payment).filter(|record| record.is_visible_to(turn.caller()));
    let mut record = record.ok_or(Refusal::NoSuchPayment)?;
    let hold_ended = turn.caller().as_service() == Some("reservations");
    let code = if hold_ended { "reservation_not_held" } else { "cancelled" };
    match record.stage {
        // The event of the success is on its way to reservations, which decides.
        Stage::Succeeded if hold_ended => {}
        Stage::Succeeded => return Err(Refusal::AlreadyPaid(payment)),
        Stage::Failed | Stage::Mismatched => {}
        // Nothing can have been charged. An intent that is reported later is cancelled.
        Stage::Quoting | Stage::Creating => fail::fail(turn, record, code),
        Stage::Confirming | Stage::Action | Stage::Waiting if record.cancelling.is_some() => {}
        // The effect reports the state of the intent, whether it could be cancelled or not. It follows the one that confirms.
        Stage::Confirming | Stage::Action | Stage::Waiting => {
            record.cancelling = Some(code.to_owned());
            record.record(turn.now(), TimelineEvent::CancelRequested);
            if let Some(intent) = record.intent.clone() {
                turn.effect(payment.0, &Effect::Cancel { payment, intent });
            }
            save(turn, &record);
        }
    }
    Ok(())
}
