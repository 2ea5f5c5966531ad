//! The problem types of the API.

use contracts::payments::{Failure, NotPayable, Refusal};
use contracts::reservations;
use edge::{Problem, problem_types};

edge::problems! {
    /// A payment of the reservation is open.
    PAYMENT_OPEN = "payment-open", "Another payment of this reservation is open", 409;
    /// The reservation is paid.
    ALREADY_PAID = "already-paid", "The reservation is paid already", 409;
    /// The reservation has expired, was cancelled, or is not held for another reason.
    NOT_PAYABLE = "not-payable", "The reservation cannot be paid now", 409;
    /// Only a captured payment can be refunded.
    NOT_REFUNDABLE = "not-refundable", "Only a payment that succeeded can be refunded", 409;
    /// The refund exceeds what is left of the payment.
    REFUND_TOO_LARGE = "refund-too-large", "The refund is more than what is left of the payment", 409;
    /// Only a refund that failed can be retried or settled in another way.
    REFUND_NOT_FAILED = "refund-not-failed", "The refund has not failed", 409;
    /// Too many payments of the reservation have failed.
    TOO_MANY_ATTEMPTS = "too-many-attempts", "Too many payments of this reservation have failed", 409;
    /// The payment has not succeeded.
    NO_RECEIPT = "no-receipt", "There is no receipt before the payment has succeeded", 409;
    /// The signature of a webhook is invalid.
    BAD_SIGNATURE = "bad-signature", "The signature is not the bank's", 400;
    /// The signature of a webhook is too old: a replay, or a wrong clock.
    STALE_SIGNATURE = "stale-signature", "The signature is too old", 400;
}

/// Converts a refusal of payments.
pub(super) fn payment_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchPayment => Problem::new(&problem_types::NOT_FOUND).detail("There is no such payment."),
        Refusal::PaymentOpen(payment) => Problem::new(&PAYMENT_OPEN)
            .detail("Complete the action that it requires, wait for its outcome, or cancel it to use another card.")
            .with("payment_id", &payment.to_string()),
        Refusal::AlreadyPaid(payment) => Problem::new(&ALREADY_PAID).with("payment_id", &payment.to_string()),
        Refusal::BadField { field, why } => {
            Problem::new(&problem_types::INVALID).field(format!("/{field}"), why)
        }
        Refusal::NotRefundable => Problem::new(&NOT_REFUNDABLE),
        Refusal::MoreThanLeft { left } => Problem::new(&REFUND_TOO_LARGE)
            .detail(format!("{left} minor units are left."))
            .field("/amount", "more than is left"),
        Refusal::NoReceipt => Problem::new(&NO_RECEIPT),
        Refusal::NoSuchCreditNote => {
            Problem::new(&problem_types::NOT_FOUND).detail("This payment has no credit note of this number.")
        }
        Refusal::TooManyCards { retry_after_secs } => Problem::new(&problem_types::RATE_LIMITED)
            .detail("Too many cards were tried by this guest or from this network. Wait as long as `Retry-After` states.")
            .retry_after(retry_after_secs),
        Refusal::TooManyAttempts { limit } => Problem::new(&TOO_MANY_ATTEMPTS)
            .detail(format!("{limit} payments have failed. Cancel this reservation, and make another one.")),
        Refusal::NoSuchRefund => Problem::new(&problem_types::NOT_FOUND).detail("There is no such refund."),
        Refusal::RefundNotFailed => Problem::new(&REFUND_NOT_FAILED)
            .detail("Only a refund that failed, and that no other refund replaces, can be retried or settled."),
    }
}

/// Converts a refusal of [`reservations::GetPayable`].
pub(super) fn reservation_problem(refusal: reservations::Refusal) -> Problem {
    match refusal {
        reservations::Refusal::NotPayable(why) => not_payable(&why),
        reservations::Refusal::NoSuchReservation => not_payable(&NotPayable::NoSuchReservation),
        // The query has no other refusals.
        other => Problem::new(&NOT_PAYABLE).detail(other.to_string()),
    }
}

/// The problem of a payment that failed because its reservation cannot be paid: an error of the request, not of the card.
pub(super) fn payment_failure_problem(failure: &Failure) -> Option<Problem> {
    match failure.code.as_str() {
        "reservation_not_found" => Some(not_payable(&NotPayable::NoSuchReservation)),
        "reservation_not_held" => Some(not_payable(&NotPayable::NotHeld)),
        "reservation_payment_open" => Some(not_payable(&NotPayable::PaymentOpen)),
        "reservation_nothing_due" => Some(not_payable(&NotPayable::NothingDue)),
        _ => None,
    }
}

fn not_payable(why: &NotPayable) -> Problem {
    match why {
        NotPayable::NoSuchReservation => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is no such reservation.")
        }
        NotPayable::NotHeld => Problem::new(&NOT_PAYABLE)
            .detail("The reservation is not held any more, or it is confirmed already."),
        NotPayable::PaymentOpen => Problem::new(&PAYMENT_OPEN),
        NotPayable::NothingDue => Problem::new(&NOT_PAYABLE)
            .detail("Its total is 0: the reservation was confirmed without a payment."),
    }
}
