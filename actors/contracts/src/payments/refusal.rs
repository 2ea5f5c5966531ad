//! Why `payments` refuses a request.

use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// A refusal: a decision of the service, replicated like a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The payment does not exist, or the caller may not see it.
    #[error("no such payment")]
    NoSuchPayment,
    #[error("another payment of this reservation is open")]
    PaymentOpen(PaymentId),
    #[error("this reservation is paid already")]
    AlreadyPaid(PaymentId),
    /// A field is invalid.
    #[error("`{field}`: {why}")]
    BadField { field: String, why: String },
    #[error("only a payment that succeeded can be refunded")]
    NotRefundable,
    #[error("more than is left of the payment")]
    MoreThanLeft {
        /// The amount that has not been refunded yet, in minor units.
        left: i64,
    },
    /// A receipt exists only once the payment has succeeded.
    #[error("there is no receipt before the payment has succeeded")]
    NoReceipt,
    #[error("this payment has no credit note of this number")]
    NoSuchCreditNote,
    #[error("no such refund")]
    NoSuchRefund,
    /// Only a refund that failed can be retried or settled in another way.
    #[error("the refund has not failed")]
    RefundNotFailed,
    /// Too many cards were tried by this guest or from this address.
    #[error("too many cards were tried")]
    TooManyCards { retry_after_secs: u32 },
    /// Too many payments of this reservation have failed.
    #[error("{limit} payments of this reservation have failed, which is the limit")]
    TooManyAttempts { limit: u32 },
}
