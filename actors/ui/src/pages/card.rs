//! How one pays: with a token that the bank gave for a card that only it has seen.

use std::time::Duration;

use contracts::payments::{self, Payment, PaymentStatus, Payments};
use contracts::reservations::{self, Reservation, Reservations};
use contracts::{PaymentId, ReservationId};
use group::{Call, Failure};
use serde_json::{Value, json};

use crate::site::Bank;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// The bank's documented test cards, for browsers without scripts.
const TEST_CARDS: [(&str, &str); 7] = [
    ("pm_card_visa", "Visa, 4242: pays"),
    ("pm_card_mastercard", "Mastercard, 4444: pays"),
    ("pm_card_threeDSecure2Required", "Visa, 3220: asks you at your bank first"),
    ("pm_card_visa_chargeDeclined", "Visa, 0002: is declined"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "Visa, 9995: has too little money"),
    ("pm_card_chargeDeclinedExpiredCard", "Visa, 0069: has expired"),
    ("pm_card_chargeDeclinedIncorrectCvc", "Visa, 0127: wrong security code"),
];

/// The longest token.
const TOKEN_BYTES_MAX: usize = 120;

/// How long a page waits for the bank before it shows that it waits, and how often it looks.
const WAIT: Duration = Duration::from_secs(6);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the template of the card form needs.
pub(super) fn form(bank: &Bank) -> Value {
    json!({
        "test": bank.test, "tokenise_url": bank.tokenise_url, "publishable_key": bank.publishable_key,
        "cards": TEST_CARDS.map(|(token, name)| json!({ "token": token, "name": name })),
    })
}

/// The token that a form brings; never a number, whatever somebody typed.
pub(super) fn token(text: &str) -> Result<&str, &'static str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let named = ["pm_", "tok_", "card_"].iter().any(|prefix| text.starts_with(prefix));
    if text.is_empty() {
        Err("Please give a card.")
    } else if named && plain && text.len() <= TOKEN_BYTES_MAX {
        Ok(text)
    } else {
        Err("The bank has given no token for this card. Please try again.")
    }
}

/// What became of an attempt to pay.
pub(super) enum Attempt {
    /// It is under way, or over: the page that waits knows.
    Started,
    /// Something is wrong with the card.
    BadCard,
    /// The reservation cannot be paid any more; why.
    TooLate,
    /// It is paid already.
    Paid,
}

/// Starts a payment in the call's name, once for each `once`.
pub(super) async fn start(
    visit: &Visit,
    call: &Call,
    reservation: &Reservation,
    card: &str,
    once: &str,
) -> Result<Attempt, Trouble> {
    let client = &visit.site.deps.client;
    match client.query::<Reservations>(call, reservations::Query::Payable(reservation.id)).await {
        Ok(_) => {}
        Err(Failure::Refused(reservations::Refusal::NotPayable(
            contracts::payments::NotPayable::PaymentOpen,
        ))) => return Ok(Attempt::Started),
        Err(Failure::Refused(_)) => return Ok(Attempt::TooLate),
        Err(failure) => return Err(failure.into()),
    }
    let command = payments::Command::Start {
        reservation: reservation.id,
        payment_method: card.to_owned(),
        return_url: format!("{}/bookings/{}/paying?back=1", visit.site.deps.public_url, reservation.id),
        expected_amount: Some(reservation.total()),
    };
    let call = call.with_key("ui pay", &reservation.id.to_string(), once);
    match client.command::<Payments>(&call, command).await {
        Ok(_) => Ok(Attempt::Started),
        Err(Failure::Refused(payments::Refusal::PaymentOpen(_))) => Ok(Attempt::Started),
        Err(Failure::Refused(payments::Refusal::AlreadyPaid(_))) => Ok(Attempt::Paid),
        Err(Failure::Refused(payments::Refusal::BadField { .. })) => Ok(Attempt::BadCard),
        // The same form sent again with another card: the first one counts, and the page that waits shows it.
        Err(Failure::KeyReused) => Ok(Attempt::Started),
        Err(Failure::Refused(refusal)) => {
            Err(Trouble::Broken(format!("payments refused to start: {refusal:?}")))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The newest payment of a reservation.
pub(super) async fn latest(
    visit: &Visit,
    call: &Call,
    reservation: ReservationId,
) -> Result<Option<Payment>, Trouble> {
    match visit.site.deps.client.query::<Payments>(call, payments::Query::OfReservation(reservation)).await {
        Ok(payments::Answer::Payments(found)) => Ok(found.into_iter().next()),
        Ok(other) => Err(Trouble::Broken(format!("payments answered a list with {other:?}"))),
        Err(Failure::Refused(_) | Failure::Forbidden(_)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Waits a while for the newest payment to leave what `waits` names.
pub(super) async fn settled(
    visit: &Visit,
    call: &Call,
    reservation: ReservationId,
    waits: impl Fn(PaymentStatus) -> bool,
) -> Result<Option<Payment>, Trouble> {
    let until = tokio::time::Instant::now() + WAIT;
    loop {
        let payment = latest(visit, call, reservation).await?;
        let done = payment.as_ref().is_some_and(|payment| !waits(payment.status));
        if done || tokio::time::Instant::now() + LOOK_EVERY >= until.min(call.deadline) {
            return Ok(payment);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The guest is back from the bank's page.
pub(super) async fn returned(visit: &Visit, call: &Call, payment: PaymentId) -> Result<(), Trouble> {
    match visit.site.deps.client.command::<Payments>(call, payments::Command::Returned { payment }).await {
        Ok(_) | Err(Failure::Refused(_)) => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}

/// Why a payment failed: a title, and what to do.
pub(super) fn failure_words(code: &str) -> (&'static str, &'static str) {
    match code {
        "card_declined" | "generic_decline" | "do_not_honor" => (
            "Your bank declined the card",
            "Nothing was charged. Another card may work, or a call to your bank.",
        ),
        "insufficient_funds" => {
            ("The card has too little money", "Nothing was charged. Please use another card.")
        }
        "expired_card" => ("The card has expired", "Nothing was charged. Please use another card."),
        "incorrect_cvc" | "invalid_cvc" => {
            ("The security code is not right", "Nothing was charged. Please type the card again.")
        }
        "incorrect_number" | "invalid_number" => {
            ("The card number is not right", "Nothing was charged. Please type the card again.")
        }
        "authentication_required" | "authentication_expired" | "payment_intent_authentication_failure" => (
            "Your bank did not hear from you",
            "The payment was not confirmed at your bank, so nothing was charged. Please try again.",
        ),
        "bank_unavailable" => {
            ("The bank cannot be reached", "Nothing was charged. Please try again in a minute.")
        }
        "amount_changed" => {
            ("The amount has changed", "Nothing was charged. Please look at the total, and pay again.")
        }
        "reservation_not_held" => {
            ("The hold has run out", "Nothing was charged. Please choose the room again.")
        }
        _ => ("The payment did not work", "Nothing was charged. Please try again, or use another card."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_pass() {
        for good in ["pm_card_visa", "pm_1ABCdef", "tok_visa"] {
            assert_eq!(token(good), Ok(good));
        }
        for bad in [
            "",
            "4242424242424242",
            "4242 4242 4242 4242",
            "pm_",
            "pm_<x>",
            "visa",
            &format!("pm_{}", "x".repeat(200)),
        ] {
            // A bare prefix names nothing, but is the bank's to refuse.
            assert_eq!(token(bad).is_err(), bad != "pm_", "{bad}");
        }
    }
}
