//! The transitions, one a file.

mod bank_event;
mod check;
mod expire;
mod fail;
mod quoted;
mod refund;
mod refund_seen;
mod reported;
mod start;
mod succeed;

use contracts::PaymentId;
use contracts::payments::{BankReport, Command, RefundReason, Refusal, Reply};
use group::Turn;
use protocol::codec;

use crate::service::{Payments, Timer};
use crate::state::{PAYMENTS, Record};

type T<'a> = Turn<'a, Payments>;

pub(crate) fn apply(turn: &mut T<'_>, command: Command) -> Result<Reply, Refusal> {
    match command {
        Command::Start { reservation, payment_method, return_url, expected_amount } => {
            start::start(turn, reservation, payment_method, return_url, expected_amount)
        }
        Command::Quoted { payment, answer } => quoted::quoted(turn, payment, answer),
        Command::Refund { payment, reservation, amount, reason } => {
            refund::owed(turn, payment, reservation, amount, reason)
        }
        Command::RequestRefund { payment, amount, reason } => {
            refund::requested(turn, payment, amount, reason)
        }
        Command::BankEvent { event, kind, payment, intent } => {
            Ok(bank_event::bank_event(turn, event, kind, payment, intent))
        }
        Command::BankReported { payment, report } => {
            let record = turn.get(&PAYMENTS, &payment).ok_or(Refusal::NoSuchPayment)?;
            match report {
                BankReport::IntentCreated { intent, mode } => {
                    reported::intent_created(turn, record, intent, mode);
                }
                BankReport::Intent(seen) => reported::intent_seen(turn, record, seen),
                BankReport::NoIntent { code } => reported::no_intent(turn, record, code),
                BankReport::Refund { refund, status } => {
                    refund_seen::refund_seen(turn, record, refund, status);
                }
            }
            Ok(Reply::Done)
        }
        Command::Returned { payment } => check::returned(turn, payment),
    }
}

pub(crate) fn fire(turn: &mut T<'_>, timer: Timer) {
    match timer {
        Timer::Expire(payment) => expire::expire(turn, payment),
        Timer::Recheck(payment) => check::recheck(turn, payment),
        Timer::RecheckRefund(payment, refund) => refund_seen::recheck(turn, payment, refund),
    }
}

fn save(turn: &mut T<'_>, record: &Record) {
    turn.put(&PAYMENTS, &record.id, record);
}

/// Mails have an order of their own: a mail server that is away must not keep the bank waiting.
fn mail_key(payment: PaymentId) -> u128 {
    codec::hash128(&[b"mail", &payment.0.to_be_bytes()])
}

/// Refunds do not wait for each other either.
fn refund_key(refund: contracts::RefundId) -> u128 {
    refund.0
}

/// The reason, in words that go into a log once.
fn within_bounds(reason: &RefundReason) -> bool {
    match reason {
        RefundReason::Cancelled | RefundReason::TooLate => true,
        RefundReason::Requested(words) => words.chars().count() <= crate::limits::REASON_CHARS_MAX,
    }
}
