//! Reservations has returned the amount: an intent is created at the bank.

use contracts::payments::{NotPayable, Quoted, Refusal};

use super::{T, fail, save};
use crate::Effect;
use crate::state::{BY_HOTEL, BY_OWNER, PAYMENTS, Stage, TimelineEvent};

pub(super) fn quoted(turn: &mut T<'_>, request: Quoted) -> Result<(), Refusal> {
    let Quoted { payment, answer } = request;
    let mut record = turn.get(&PAYMENTS, &payment).ok_or(Refusal::NoSuchPayment)?;
    // The payment has failed meanwhile, and reservations was notified.
    if record.stage != Stage::Quoting {
        return Ok(());
    }
    let payable = match answer {
        Ok(payable) => payable,
        Err(why) => {
            fail::fail(turn, record, failure_code(&why));
            return Ok(());
        }
    };
    let amount = payable.amount;
    let differs = record.expected_amount.is_some_and(|expected| expected != amount);
    turn.put(&BY_HOTEL, &(payable.hotel, record.created_at, payment), &());
    turn.put(&BY_OWNER, &(payable.owner.clone(), record.created_at, payment), &());
    record.payable = Some(payable);
    record.record(turn.now(), TimelineEvent::Quoted);
    if differs || amount.amount <= 0 {
        fail::fail(turn, record, "amount_changed");
        return Ok(());
    }
    record.stage = Stage::Creating;
    save(turn, &record);
    let (reservation, payment_method) = (record.reservation, record.payment_method);
    turn.effect(payment.0, &Effect::CreateIntent { payment, reservation, amount, payment_method });
    Ok(())
}

fn failure_code(why: &NotPayable) -> &'static str {
    match why {
        NotPayable::NoSuchReservation => "reservation_not_found",
        NotPayable::NotHeld => "reservation_not_held",
        NotPayable::PaymentOpen => "reservation_payment_open",
        NotPayable::NothingDue => "reservation_nothing_due",
    }
}
