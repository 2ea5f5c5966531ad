//! Paying by card: with a token that the bank issued. The card number is sent to the bank only.

use std::time::Duration;

use contracts::payments::{
    self, CancelPayment, CountCardAttempt, GuestReturned, ListReservationPayments, Payment, StartPayment,
};
use contracts::reservations::{self, GetPayable, Reservation};
use contracts::{PaymentId, ReservationId};
use group::{Call, Failure};
use serde_json::{Value, json};

use crate::context::PageContext;
use crate::error::PageError;
use crate::site::Bank;

/// The bank's documented test cards, for browsers without JavaScript.
const TEST_CARDS: [(&str, &str); 7] = [
    ("pm_card_visa", "Visa 4242: succeeds"),
    ("pm_card_mastercard", "Mastercard 4444: succeeds"),
    ("pm_card_threeDSecure2Required", "Visa 3220: requires confirmation at your bank (3-D Secure)"),
    ("pm_card_visa_chargeDeclined", "Visa 0002: declined"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "Visa 9995: insufficient funds"),
    ("pm_card_chargeDeclinedExpiredCard", "Visa 0069: expired card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "Visa 0127: incorrect security code"),
];

/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 120;

/// How long a request waits for the payment's result before the response is a page that reloads itself.
const WAIT: Duration = Duration::from_secs(6);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The data of the card form.
pub(super) fn form(bank: &Bank) -> Value {
    json!({
        "test": bank.test, "tokenise_url": bank.tokenise_url, "script_url": bank.script_url,
        "publishable_key": bank.publishable_key,
        "cards": TEST_CARDS.map(|(token, name)| json!({ "token": token, "name": name })),
    })
}

/// The token in a form. A card number is refused.
pub(super) fn token(text: &str) -> Result<&str, &'static str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let named = ["pm_", "tok_", "card_"].iter().any(|prefix| text.starts_with(prefix));
    if text.is_empty() {
        Err("Please enter your card details.")
    } else if named && plain && text.len() <= TOKEN_BYTES_MAX {
        Ok(text)
    } else {
        Err("Your card could not be checked with the bank. Please try again.")
    }
}

/// The result of starting a payment.
pub(super) enum Attempt {
    /// A payment exists. The page `/paying` shows its result.
    Started,
    /// The bank does not accept the card.
    BadCard,
    /// The reservation can no longer be paid.
    TooLate,
    /// The reservation is paid already.
    Paid,
    /// Too many cards were tried, by this guest, from this address or for this reservation. What the guest can do.
    TooManyCards(String),
}

/// Starts a payment as the caller. `once` is the idempotency key.
pub(super) async fn start(
    context: &PageContext,
    call: &Call,
    reservation: &Reservation,
    card: &str,
    once: &str,
) -> Result<Attempt, PageError> {
    let client = &context.site.dependencies.client;
    match client.call(call, GetPayable { reservation: reservation.id }).await {
        Ok(_) => {}
        // Payments decides whether a payment is open: the event that one has failed may be on its way to reservations.
        Err(Failure::Refused(reservations::Refusal::NotPayable(
            contracts::payments::NotPayable::PaymentOpen,
        ))) => {}
        Err(Failure::Refused(_)) => return Ok(Attempt::TooLate),
        Err(failure) => return Err(failure.into()),
    }
    let limits = &context.site.dependencies.card_limits;
    let address = limits.hash(context.address);
    let (visitor_max, address_max) = (limits.visitor_max, limits.address_max);
    match client.call(call, CountCardAttempt { address, visitor_max, address_max }).await {
        Ok(()) => {}
        Err(Failure::Refused(payments::Refusal::TooManyCards { retry_after_secs })) => {
            let wait = crate::format::count(retry_after_secs.div_ceil(60), "minute");
            return Ok(Attempt::TooManyCards(format!(
                "Nothing was charged. Please try again in {wait}, or contact the hotel to book."
            )));
        }
        Err(Failure::Refused(refusal)) => {
            return Err(PageError::Internal(format!("payments refused to count: {refusal:?}")));
        }
        Err(failure) => return Err(failure.into()),
    }
    let start = StartPayment {
        reservation: reservation.id,
        payment_method: card.to_owned(),
        return_url: format!(
            "{}/bookings/{}/paying?back=1",
            context.site.dependencies.public_url, reservation.id
        ),
        expected_amount: Some(reservation.total()),
    };
    let call = call.with_key("ui pay", &reservation.id.to_string(), once);
    match client.call(&call, start).await {
        Ok(_) => Ok(Attempt::Started),
        Err(Failure::Refused(payments::Refusal::PaymentOpen(_))) => Ok(Attempt::Started),
        Err(Failure::Refused(payments::Refusal::AlreadyPaid(_))) => Ok(Attempt::Paid),
        Err(Failure::Refused(payments::Refusal::BadField { .. })) => Ok(Attempt::BadCard),
        Err(Failure::Refused(payments::Refusal::TooManyAttempts { .. })) => Ok(Attempt::TooManyCards(
            "Nothing was charged. Please release this room and choose it again, or contact the hotel to book.".to_owned(),
        )),
        // The same form was submitted again with another card. The first card counts.
        Err(Failure::KeyReused) => Ok(Attempt::Started),
        Err(Failure::Refused(refusal)) => {
            Err(PageError::Internal(format!("payments refused to start: {refusal:?}")))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Abandons the open payment of a reservation, so that another card can be used. Waits for the bank. Returns the payment as it
/// is then, or `None` if there is none.
pub(super) async fn abandon(
    context: &PageContext,
    call: &Call,
    reservation: ReservationId,
) -> Result<Option<Payment>, PageError> {
    let Some(open) = latest(context, call, reservation).await?.filter(Payment::is_open) else {
        return latest(context, call, reservation).await;
    };
    match context.site.dependencies.client.call(call, CancelPayment { payment: open.id }).await {
        Ok(()) | Err(Failure::Refused(_)) => {}
        Err(failure) => return Err(failure.into()),
    }
    settled(context, call, reservation, |payment| payment.is_open()).await
}

/// The latest payment of a reservation.
pub(super) async fn latest(
    context: &PageContext,
    call: &Call,
    reservation: ReservationId,
) -> Result<Option<Payment>, PageError> {
    match context.site.dependencies.client.call(call, ListReservationPayments { reservation }).await {
        Ok(found) => Ok(found.into_iter().next()),
        Err(Failure::Refused(_) | Failure::Forbidden(_)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Polls the latest payment while `waits`, or for at most [`WAIT`].
pub(super) async fn settled(
    context: &PageContext,
    call: &Call,
    reservation: ReservationId,
    waits: impl Fn(&Payment) -> bool,
) -> Result<Option<Payment>, PageError> {
    let until = tokio::time::Instant::now() + WAIT;
    loop {
        let payment = latest(context, call, reservation).await?;
        let done = payment.as_ref().is_some_and(|payment| !waits(payment));
        if done || tokio::time::Instant::now() + POLL_INTERVAL >= until.min(call.deadline) {
            return Ok(payment);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Reports that the guest has returned from the bank's page.
pub(super) async fn returned(
    context: &PageContext,
    call: &Call,
    payment: PaymentId,
) -> Result<(), PageError> {
    match context.site.dependencies.client.call(call, GuestReturned { payment }).await {
        Ok(_) | Err(Failure::Refused(_)) => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}

/// The title and text for a failed payment, by the bank's error code.
pub(super) fn failure_text(code: &str) -> (&'static str, &'static str) {
    match code {
        "card_declined" | "generic_decline" | "do_not_honor" => (
            "Your bank declined the card",
            "Nothing was charged. Please use another card or contact your bank.",
        ),
        "insufficient_funds" => {
            ("Your card has insufficient funds", "Nothing was charged. Please use another card.")
        }
        "expired_card" => ("The card has expired", "Nothing was charged. Please use another card."),
        "incorrect_cvc" | "invalid_cvc" => {
            ("The security code is incorrect", "Nothing was charged. Please enter your card details again.")
        }
        "incorrect_number" | "invalid_number" => {
            ("The card number is incorrect", "Nothing was charged. Please enter your card details again.")
        }
        "authentication_required" | "authentication_expired" | "payment_intent_authentication_failure" => (
            "The payment was not confirmed with your bank",
            "Nothing was charged. Please try again and confirm the payment when your bank asks you to.",
        ),
        "cancelled" => (
            "Please choose another card",
            "The payment was cancelled, and nothing was charged. We are still holding your room.",
        ),
        "bank_mismatch" => (
            "The bank charged a wrong amount",
            "We refund all of it right away. Please pay again, or contact the hotel.",
        ),
        "bank_unavailable" => {
            ("The bank is currently unavailable", "Nothing was charged. Please try again in a minute.")
        }
        "amount_changed" => {
            ("The amount has changed", "Nothing was charged. Please check the total and pay again.")
        }
        "reservation_nothing_due" => {
            ("There is nothing to pay", "Nothing was charged. Your booking is confirmed without a payment.")
        }
        "reservation_not_held" => {
            ("The hold has expired", "Nothing was charged. Please choose a room again.")
        }
        _ => ("The payment failed", "Nothing was charged. Please try again or use another card."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_the_bank_are_accepted() {
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
            // A bare prefix is left for the bank to refuse.
            assert_eq!(token(bad).is_err(), bad != "pm_", "{bad}");
        }
    }
}
