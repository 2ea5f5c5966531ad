//! What the bank reports.

use protocol::{Access, Request, Route, Slot, codec};
use serde::{Deserialize, Serialize};

use super::{Payments, RefundStatus};
use crate::{PaymentId, RefundId, scope};

/// The kind of bank that a store's payments are with. A store never changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankMode {
    /// The sandbox bank: no money moves.
    Sandbox,
    /// A bank with Stripe's API and a test key: no money moves.
    Test,
    /// Real money.
    Live,
}

impl BankMode {
    /// Whether pages, mails and documents are marked TEST.
    pub const fn is_test(self) -> bool {
        match self {
            Self::Sandbox | Self::Test => true,
            Self::Live => false,
        }
    }
}

/// Reads the kind of bank that was used first; `None` before the first payment. Sent to every shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetBankMode;

impl Request for GetBankMode {
    type Contract = Payments;
    type Reply = Option<BankMode>;

    fn route(&self) -> Route {
        Route::AllShards
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]).or_services(&["ui", "payments"])
    }
}

/// A PaymentIntent as retrieved from the bank. The content of a webhook is never trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentSnapshot {
    /// The bank's id.
    pub intent: String,
    pub state: IntentState,
    /// The requested amount, in minor units.
    pub amount: i64,
    /// ISO 4217, in capitals.
    pub currency: String,
    /// The received amount, in minor units.
    pub received: i64,
    /// Whether real money moves.
    pub livemode: bool,
    /// The masked card: `Visa •••• 4242`.
    pub method: Option<String>,
}

/// The state of an intent at the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntentState {
    /// Created, but not confirmed.
    Unconfirmed,
    /// The guest has to authenticate (3-D Secure).
    RequiresAction {
        /// The page of the guest's bank.
        redirect_url: Option<String>,
    },
    Processing,
    Succeeded,
    Failed {
        /// The decline code.
        code: String,
    },
    Canceled,
}

/// What an effect of this service learned from the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankReport {
    /// An unconfirmed intent was created. Recorded before it is confirmed.
    IntentCreated {
        /// The bank's id.
        intent: String,
        mode: BankMode,
    },
    /// The current state of the intent.
    Intent(IntentSnapshot),
    /// No intent was created, and none will be.
    NoIntent {
        /// A stable code, see [`super::Failure::code`].
        code: String,
    },
    /// The current state of a refund.
    Refund { refund: RefundId, status: RefundStatus },
}

/// From this service's own effects: what the bank reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankReported {
    pub payment: PaymentId,
    pub report: BankReport,
}

impl Request for BankReported {
    type Contract = Payments;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// From the API, after it has verified a webhook's signature. The event only triggers retrieval of the intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankEvent {
    /// The bank's id of the event.
    pub event: String,
    /// The bank's type of the event: `payment_intent.succeeded`, …
    pub kind: String,
    /// The payment in the intent's metadata, if it names one.
    pub payment: Option<PaymentId>,
    /// The bank's id of the intent, if the event is about one.
    pub intent: Option<String>,
}

impl Request for BankEvent {
    type Contract = Payments;
    type Reply = BankEventReply;

    fn route(&self) -> Route {
        match self.payment {
            Some(payment) => Route::Slot(payment.slot()),
            // Without a payment any shard will do, as long as it is the same for every delivery of the event.
            None => Route::Slot(Slot::of(codec::hash128(&[self.event.as_bytes()]))),
        }
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// What was done with a bank event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BankEventReply {
    /// The event is about a known payment.
    Accepted,
    /// The event's intent is unknown. The event was stored for operators.
    Parked,
}
