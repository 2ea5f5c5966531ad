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
    /// The bank captured another amount, another currency or in another mode than was requested.
    BankMismatch,
}

/// The status of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    /// The bank could not refund the money, possibly days after the refund had succeeded. Staff retries it with
    /// [`RetryRefund`], or pays the guest in another way and records that with [`SettleRefund`].
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
    /// The refund that replaces this one, which failed.
    pub retried_as: Option<RefundId>,
    /// How staff paid the guest, if the bank could not.
    pub settled_otherwise: Option<String>,
}

/// From `reservations`: refunds a payment that succeeded. The reply is the refund, or `None` if there was nothing to refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPayment {
    pub payment: PaymentId,
    /// The reservation that the payment is for.
    pub reservation: ReservationId,
    /// The total that the guest gets back. Refunds that were made before or are pending count towards it, so that it does not
    /// matter in which order a cancellation and a refund by staff arrive. Never more than was captured.
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

/// Staff of the hotel or an administrator makes a refund that failed once more: a new refund with the same amount and reason.
/// Retrying it again returns the same new refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRefund {
    pub payment: PaymentId,
    pub refund: RefundId,
}

impl Request for RetryRefund {
    type Contract = Payments;
    type Reply = RefundId;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE, scope::CLUSTER_MANAGE])
    }
}

/// Staff of the hotel or an administrator has paid the guest in another way, for example by bank transfer, because the bank
/// could not refund the card. The refund counts as succeeded from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleRefund {
    pub payment: PaymentId,
    pub refund: RefundId,
    /// How the guest was paid, for staff and for the guest.
    pub note: String,
}

impl Request for SettleRefund {
    type Contract = Payments;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::HOTEL_MANAGE, scope::CLUSTER_MANAGE])
    }
}
