//! Starts a payment of a reservation, and requests the amount from reservations.

use contracts::PaymentId;
use contracts::payments::{Refusal, StartPayment};
use contracts::reservations::OpenPayment;

use super::{T, save};
use crate::state::{ALL, BY_OWNER, BY_TIME, CURRENT, OF_RESERVATION, PAYMENTS, Record, Stage, TimelineEvent};
use crate::{Timer, limits};

pub(super) fn start_payment(turn: &mut T<'_>, request: StartPayment) -> Result<PaymentId, Refusal> {
    let StartPayment { reservation, payment_method, return_url, expected_amount } = request;
    check_payment_method(&payment_method)?;
    check_return_url(&return_url)?;
    if let Some(current) = turn.get(&CURRENT, &reservation) {
        let open = turn.get(&PAYMENTS, &current).is_some_and(|record| record.stage.is_open());
        return Err(if open { Refusal::PaymentOpen(current) } else { Refusal::AlreadyPaid(current) });
    }
    if turn.scan(&OF_RESERVATION, &reservation, limits::ATTEMPTS_MAX).len() == limits::ATTEMPTS_MAX {
        return Err(Refusal::TooManyAttempts { limit: limits::ATTEMPTS_MAX as u32 });
    }
    // No writes above this line, no refusals below it.
    let (now, owner) = (turn.now(), turn.caller().effective_subject().to_owned());
    let id = PaymentId(turn.fresh_id(reservation.slot()));
    let mut record = Record {
        id,
        reservation,
        owner: owner.clone(),
        payment_method,
        return_url,
        expected_amount,
        payable: None,
        stage: Stage::Quoting,
        intent: None,
        mode: None,
        redirect_url: None,
        failure: None,
        method: None,
        captured: 0,
        receipt: None,
        refunds: Vec::new(),
        surplus: false,
        checking: false,
        check_again: false,
        rechecks: 0,
        created_at: now,
        succeeded_at: None,
        timeline: Vec::new(),
        version: 0,
        credit_notes: Vec::new(),
        cancelling: None,
        mismatch: None,
    };
    record.record(now, TimelineEvent::Started);
    save(turn, &record);
    turn.put(&CURRENT, &reservation, &id);
    turn.put(&OF_RESERVATION, &(reservation, id), &());
    turn.put(&BY_TIME, &(ALL, now, id), &());
    turn.put(&BY_OWNER, &(owner, now, id), &());
    turn.emit(reservation.0, OpenPayment { reservation, payment: id });
    turn.schedule(now.plus_secs(limits::PAY_WITHIN_SECS), Timer::Expire(id));
    Ok(id)
}

/// A payment method is the bank's id of a card (`pm_…`), never a card number.
fn check_payment_method(name: &str) -> Result<(), Refusal> {
    let rest = name.strip_prefix("pm_").unwrap_or_default();
    let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if rest.is_empty() || !plain || name.len() > limits::PAYMENT_METHOD_CHARS_MAX {
        return Err(bad("payment_method", "must be a payment method's id, such as `pm_card_visa`"));
    }
    // Thirteen or more consecutive digits could be a card number behind a prefix.
    if rest.split(|letter: char| !letter.is_ascii_digit()).any(|digits| digits.len() >= 13) {
        return Err(bad("payment_method", "must not contain a card number"));
    }
    Ok(())
}

fn check_return_url(url: &str) -> Result<(), Refusal> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if !web || !plain || url.len() > limits::RETURN_URL_BYTES_MAX {
        return Err(bad("return_url", "must be an absolute http or https address"));
    }
    Ok(())
}

fn bad(field: &str, why: &str) -> Refusal {
    Refusal::BadField { field: field.to_owned(), why: why.to_owned() }
}
