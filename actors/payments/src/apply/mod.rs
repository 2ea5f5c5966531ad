//! The transitions, one per file.

mod bank_event;
mod cancel;
mod check;
mod count_card_attempt;
mod credit_note;
mod expire;
mod fail;
mod intent_reported;
mod mismatch;
mod quoted;
mod refund;
mod refund_reported;
mod start;
mod succeed;

use contracts::PaymentId;
use contracts::payments::{BankReport, BankReported, Command, RefundReason, Refusal, Reply};
use group::Turn;
use protocol::codec;

use crate::state::{ALL, ATTENTION, PAYMENTS, Record};
use crate::{Payments, Timer};

type T<'a> = Turn<'a, Payments>;

#[allow(clippy::unit_arg, reason = "requests without a result reply with the unit value")]
pub(crate) fn dispatch(turn: &mut T<'_>, command: Command) -> Result<Reply, Refusal> {
    Ok(match command {
        Command::Quoted(request) => quoted::quoted(turn, request)?.into(),
        Command::RefundPayment(request) => refund::refund_payment(turn, request)?.into(),
        Command::StartPayment(request) => start::start_payment(turn, request)?.into(),
        Command::RequestRefund(request) => refund::request_refund(turn, request)?.into(),
        Command::BankEvent(request) => bank_event::bank_event(turn, request).into(),
        Command::BankReported(request) => bank_reported(turn, request)?.into(),
        Command::GuestReturned(request) => check::guest_returned(turn, &request)?.into(),
        Command::CancelPayment(request) => cancel::cancel_payment(turn, &request)?.into(),
        Command::RetryRefund(request) => refund::retry_refund(turn, &request)?.into(),
        Command::CountCardAttempt(request) => count_card_attempt::count_card_attempt(turn, &request)?.into(),
        Command::SettleRefund(request) => refund::settle_refund(turn, request)?.into(),
    })
}

fn bank_reported(turn: &mut T<'_>, request: BankReported) -> Result<(), Refusal> {
    let record = turn.get(&PAYMENTS, &request.payment).ok_or(Refusal::NoSuchPayment)?;
    match request.report {
        BankReport::IntentCreated { intent, mode } => {
            intent_reported::intent_created(turn, record, intent, mode);
        }
        BankReport::Intent(intent) => intent_reported::intent_retrieved(turn, record, intent),
        BankReport::NoIntent { code } => intent_reported::no_intent(turn, record, &code),
        BankReport::Refund { refund, status } => {
            refund_reported::refund_reported(turn, record, refund, status);
        }
    }
    Ok(())
}

pub(crate) fn fire(turn: &mut T<'_>, timer: Timer) {
    match timer {
        Timer::Expire(payment) => expire::expire(turn, payment),
        Timer::Recheck(payment) => check::recheck(turn, payment),
        Timer::RecheckRefund(payment, refund) => refund_reported::recheck(turn, payment, refund),
        Timer::ForgetAttempts(key) => count_card_attempt::forget(turn, key),
    }
}

/// Writes a payment, and its row in the list for staff.
fn save(turn: &mut T<'_>, record: &Record) {
    turn.put(&PAYMENTS, &record.id, record);
    // Only captured money needs attention.
    if record.captured > 0 {
        let key = (ALL, record.created_at, record.id);
        match (record.attention().is_empty(), turn.has(&ATTENTION, &key)) {
            (false, false) => turn.put(&ATTENTION, &key, &()),
            (true, true) => turn.remove(&ATTENTION, &key),
            (false, true) | (true, false) => {}
        }
    }
}

/// The ordering key of mails. It differs from that of bank effects, so that an unavailable mail server does not delay them.
fn mail_key(payment: PaymentId) -> u128 {
    codec::hash128(&[b"mail", &payment.0.to_be_bytes()])
}

/// The ordering key of a refund: refunds do not wait for each other.
fn refund_key(refund: contracts::RefundId) -> u128 {
    refund.0
}

/// Whether a reason is within its length limit.
fn within_bounds(reason: &RefundReason) -> bool {
    match reason {
        RefundReason::Cancelled | RefundReason::TooLate | RefundReason::BankMismatch => true,
        RefundReason::Requested(words) => words.chars().count() <= crate::limits::REASON_CHARS_MAX,
    }
}
