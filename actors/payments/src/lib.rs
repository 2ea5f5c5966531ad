//! Payments, refunds and receipts: what guests owe, what the bank reports, and what is refunded.
//!
//! A payment obtains the amount from reservations, has the bank create an intent, records the intent's id, and only then has
//! it confirmed: a crash at any point resumes without charging twice. What the bank reports comes back as a command; a
//! webhook only triggers retrieval.
//!
//! Invariants (see [`Payments`]'s `violations`):
//! - at most one payment of a reservation is open or has succeeded;
//! - refunds never exceed the captured amount;
//! - a refund that failed is replaced by another one, paid in another way, or in the list for staff;
//! - what the bank captured by mistake is refunded in full;
//! - the receipt numbers of a hotel have no gap: each is assigned in the turn that records the success;
//! - the credit note numbers of a hotel have no gap, and the credit notes of a payment add up to what was refunded;
//! - every payment that succeeded has an intent and a receipt;
//! - a store never changes its kind of bank.
//!
//! Deliberately absent: card numbers (the bank issues `pm_…` ids for cards); a simulated bank (the sandbox is a server of its
//! own with the same API); disputes, and refunds made in the bank's dashboard.

mod apply;
mod bank;
mod credit_note;
mod effects;
pub mod flow;
mod invariants;
mod mails;
mod query;
mod receipt;
mod record;
pub mod rest;
mod state;

pub use bank::{Bank, BankSettings, Signature, WebhookSecret};
pub use effects::PaymentEffects;
pub use mails::{BookingUrl, Mails};
pub use state::limits;

use contracts::payments::{Answer, Command, Query, Refusal, Reply};
use contracts::{Money, PaymentId, RefundId, ReservationId};
use group::{IsFinal, Service, Turn, View};
use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

/// The state machine. It has no settings, because replicas with different settings would diverge.
#[derive(Debug, Clone, Copy, Default)]
pub struct Payments;

/// An action of the leader outside the state. Stored in the outbox: variants are only appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Creates an unconfirmed intent at the bank.
    CreateIntent {
        payment: PaymentId,
        reservation: ReservationId,
        amount: Money,
        /// `pm_…`.
        payment_method: String,
    },
    /// Confirms an intent, unless it is already confirmed. This charges the card.
    Confirm {
        payment: PaymentId,
        /// The bank's id.
        intent: String,
        /// Where the guest returns to after 3-D Secure.
        return_url: String,
        /// After this instant the intent is cancelled rather than confirmed.
        not_after: Timestamp,
    },
    /// Retrieves an intent.
    Check {
        payment: PaymentId,
        /// The bank's id.
        intent: String,
    },
    /// Cancels an intent, unless it has succeeded.
    Cancel {
        payment: PaymentId,
        /// The bank's id.
        intent: String,
    },
    /// Creates a refund at the bank unless it exists, and retrieves its status.
    Refund {
        payment: PaymentId,
        /// The bank stores this id in the refund's metadata.
        refund: RefundId,
        /// The bank's id.
        intent: String,
        amount: Money,
    },
    /// Mails the receipt to the guest.
    MailReceipt { payment: PaymentId },
    /// Mails the guest that a refund was made.
    MailRefund { payment: PaymentId, refund: RefundId },
    /// Refunds all that the bank captured, because it is not what was requested; like [`Effect::Refund`]. Alerts operators.
    RefundAll {
        payment: PaymentId,
        /// The bank stores this id in the refund's metadata.
        refund: RefundId,
        /// The bank's id.
        intent: String,
    },
}

/// The timers of the service. Stored: variants are only appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    /// The time limit of an open payment.
    Expire(PaymentId),
    /// Retrieve the intent.
    Recheck(PaymentId),
    /// Retrieve the refund.
    RecheckRefund(PaymentId, RefundId),
    /// The attempts under this key are too old to count.
    ForgetAttempts(u128),
}

impl Service for Payments {
    type Contract = contracts::payments::Payments;
    type Effect = Effect;
    type Timer = Timer;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        apply::dispatch(turn, command)
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, timer: Timer) {
        apply::fire(turn, timer);
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::dispatch(view, caller, query)
    }

    fn long_poll(query: &Query) -> Option<IsFinal<Self>> {
        match query {
            Query::AwaitPayment(_) => Some(|query, answer| match (query, answer) {
                (Query::AwaitPayment(request), Answer::Payment(payment)) => request.is_final(payment),
                _ => true,
            }),
            Query::GetPayment(_)
            | Query::ListReservationPayments(_)
            | Query::ListPayments(_)
            | Query::GetReceipt(_)
            | Query::GetCreditNote(_)
            | Query::GetBankMode(_) => None,
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::violations(view)
    }
}
