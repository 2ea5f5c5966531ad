//! The messages of `payments`: payments, refunds and receipts, and what the bank reports.

mod bank;
mod payable;
mod payment;
mod receipt;
mod refund;
mod refusal;

pub use bank::{
    BankEvent, BankEventReply, BankMode, BankReport, BankReported, GetBankMode, IntentSnapshot, IntentState,
};
pub use payable::{NotPayable, Payable, Quoted};
pub use payment::{
    Attention, AwaitPayment, CancelPayment, CountCardAttempt, Failure, GetPayment, GuestReturned,
    ListPayments, ListReservationPayments, Payment, PaymentCursor, PaymentStatus, StartPayment,
};
pub use receipt::{CreditNote, GetCreditNote, GetReceipt, Receipt};
pub use refund::{
    Refund, RefundPayment, RefundReason, RefundStatus, RequestRefund, RetryRefund, SettleRefund,
};
pub use refusal::Refusal;

use protocol::VariantOf;
use serde::{Deserialize, Serialize};

use crate::{PaymentId, RefundId};

protocol::contract! {
    /// The contract of `payments`.
    pub struct Payments = "payments";
    refusal Refusal;

    /// What changes payments.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command {
        Quoted,
        RefundPayment,
        StartPayment,
        RequestRefund,
        BankEvent,
        BankReported,
        GuestReturned,
        CancelPayment,
        RetryRefund,
        SettleRefund,
        CountCardAttempt,
    }

    /// The replies to commands.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply {
        Done(()),
        /// A payment is in progress: read it until it leaves [`PaymentStatus::Processing`].
        Started(PaymentId),
        /// A refund is in progress.
        RefundStarted(RefundId),
        Parked(Parked),
    }

    /// What can be read.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Query {
        GetPayment,
        ListReservationPayments,
        ListPayments,
        GetReceipt,
        GetBankMode,
        AwaitPayment,
        GetCreditNote,
    }

    /// The replies to queries.
    // Answers are made once and read once: boxing would only move the bytes.
    #[allow(clippy::large_enum_variant)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer {
        Payment(Payment),
        Payments(Vec<Payment>),
        Receipt(Receipt),
        BankMode(Option<BankMode>),
    }
}

/// A bank event about an unknown intent was stored for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked;

// Two commands reply with either of two variants.

impl From<BankEventReply> for Reply {
    fn from(reply: BankEventReply) -> Self {
        match reply {
            BankEventReply::Accepted => Self::Done(()),
            BankEventReply::Parked => Self::Parked(Parked),
        }
    }
}

impl VariantOf<Reply> for BankEventReply {
    fn from_message(message: Reply) -> Option<Self> {
        match message {
            Reply::Done(()) => Some(Self::Accepted),
            Reply::Parked(Parked) => Some(Self::Parked),
            Reply::Started(_) | Reply::RefundStarted(_) => None,
        }
    }
}

impl From<Option<RefundId>> for Reply {
    fn from(refund: Option<RefundId>) -> Self {
        refund.map_or(Self::Done(()), Self::RefundStarted)
    }
}

impl VariantOf<Reply> for Option<RefundId> {
    fn from_message(message: Reply) -> Option<Self> {
        match message {
            Reply::Done(()) => Some(None),
            Reply::RefundStarted(refund) => Some(Some(refund)),
            Reply::Started(_) | Reply::Parked(_) => None,
        }
    }
}
