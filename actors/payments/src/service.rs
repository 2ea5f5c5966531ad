//! The state machine as the kernel sees it.

use contracts::payments::{Answer, Command, Query, Refusal, Reply};
use contracts::{Money, PaymentId, RefundId, ReservationId};
use group::{Service, Turn, View};
use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{apply, invariants, query};

/// The service. It has no settings: replicas that were set differently would disagree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Payments;

/// What the leader does outside. Persisted in the outbox: grows at its end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Have the bank make an unconfirmed intent.
    CreateIntent {
        /// For which payment.
        payment: PaymentId,
        /// Of which reservation.
        reservation: ReservationId,
        /// How much.
        amount: Money,
        /// `pm_…`.
        payment_method: String,
    },
    /// Have it confirmed, unless it was: this charges the card.
    Confirm {
        /// Of which payment.
        payment: PaymentId,
        /// The bank's id.
        intent: String,
        /// Where the guest comes back to.
        return_url: String,
        /// After this it is cancelled rather than confirmed.
        not_after: Timestamp,
    },
    /// Ask how far it is.
    Check {
        /// Of which payment.
        payment: PaymentId,
        /// The bank's id.
        intent: String,
    },
    /// Have it cancelled, unless the money is there.
    Cancel {
        /// Of which payment.
        payment: PaymentId,
        /// The bank's id.
        intent: String,
    },
    /// Have money given back, unless it was; and ask how far that is.
    Refund {
        /// Of which payment.
        payment: PaymentId,
        /// Ours; the bank keeps it in the refund's metadata.
        refund: RefundId,
        /// The bank's id.
        intent: String,
        /// How much.
        amount: Money,
    },
    /// Mail the receipt to the guest.
    MailReceipt {
        /// Of which payment.
        payment: PaymentId,
    },
    /// Tell the guest that money goes back.
    MailRefund {
        /// Of which payment.
        payment: PaymentId,
        /// Which.
        refund: RefundId,
    },
}

/// What the service asks to be reminded of. Persisted: grows at its end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    /// The time to pay is over.
    Expire(PaymentId),
    /// Ask the bank how far it is.
    Recheck(PaymentId),
    /// Ask the bank how far the refund is.
    RecheckRefund(PaymentId, RefundId),
}

impl Service for Payments {
    type Contract = contracts::payments::Payments;
    type Effect = Effect;
    type Timer = Timer;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        apply::apply(turn, command)
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, timer: Timer) {
        apply::fire(turn, timer);
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::answer(view, caller, query)
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::violations(view)
    }
}
