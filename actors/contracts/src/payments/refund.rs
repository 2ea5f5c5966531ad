//! Refunds of payments.

use protocol::{Access, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use super::Payments;
use crate::{Money, PaymentId, RefundId, ReservationId, scope};

/// Why a payment is refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundReason {
    /// The reservation was cancelled, and its policy grants a refund.
    Cancelled,
    /// The payment succeeded after the hold had ended.
    TooLate,
    /// Staff of the hotel or an administrator requested it, with this reason.
    Requested(String),
}

/// The status of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    /// The bank could not refund the money; staff has to resolve it.
    Failed,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Not the bank's id.
    pub id: RefundId,
    pub amount: Money,
    pub reason: RefundReason,
    pub status: RefundStatus,
    pub created_at: Timestamp,
    /// When it succeeded or failed.
    pub settled_at: Option<Timestamp>,
}

/// From `reservations`: refunds a payment that succeeded. The reply is the refund, or `None` if there was nothing to refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPayment {
    pub payment: PaymentId,
    /// The reservation that the payment is for.
    pub reservation: ReservationId,
    /// Reduced to the amount that has not been refunded yet.
    pub amount: Money,
    pub reason: RefundReason,
}

impl Request for RefundPayment {
    type Contract = Payments;
    type Reply = Option<RefundId>;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["reservations"])
    }
}

/// Staff of the hotel or an administrator refunds a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRefund {
    pub payment: PaymentId,
    /// Minor units of the payment's currency; `None`: all that has not been refunded yet.
    pub amount: Option<i64>,
    /// Free text for the guest and for staff.
    pub reason: String,
}

impl Request for RequestRefund {
    type Contract = Payments;
    type Reply = RefundId;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE, scope::CLUSTER_MANAGE])
    }
}
