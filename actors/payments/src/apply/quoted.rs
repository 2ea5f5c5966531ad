//! Reservations has said what is owed: the bank is asked for an intent.

use contracts::PaymentId;
use contracts::payments::{NotPayable, Payable, Refusal, Reply};

use super::{T, fail, save};
use crate::service::Effect;
use crate::state::{BY_HOTEL, PAYMENTS, Stage, TimelineEvent};

pub(super) fn quoted(
    turn: &mut T<'_>,
    payment: PaymentId,
    answer: Result<Payable, NotPayable>,
) -> Result<Reply, Refusal> {
    let mut record = turn.get(&PAYMENTS, &payment).ok_or(Refusal::NoSuchPayment)?;
    // Given up meanwhile; reservations has been told.
    if record.stage != Stage::Quoting {
        return Ok(Reply::Done);
    }
    let payable = match answer {
        Ok(payable) => payable,
        Err(why) => {
            fail::fail(turn, record, word(&why));
            return Ok(Reply::Done);
        }
    };
    let amount = payable.amount;
    let differs = record.expected_amount.is_some_and(|shown| shown != amount);
    turn.put(&BY_HOTEL, &(payable.hotel, record.created_at, payment), &());
    record.payable = Some(payable);
    record.happened(turn.now(), TimelineEvent::Quoted);
    if differs || amount.amount <= 0 {
        fail::fail(turn, record, "amount_changed");
        return Ok(Reply::Done);
    }
    record.stage = Stage::Creating;
    save(turn, &record);
    let (reservation, payment_method) = (record.reservation, record.payment_method);
    turn.effect(payment.0, &Effect::CreateIntent { payment, reservation, amount, payment_method });
    Ok(Reply::Done)
}

fn word(why: &NotPayable) -> &'static str {
    match why {
        NotPayable::NoSuchReservation => "reservation_not_found",
        NotPayable::NotHeld => "reservation_not_held",
        NotPayable::PaymentOpen => "reservation_payment_open",
    }
}
