//! What `payments` reports about the payment of a reservation.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::Reservations;
use crate::payments::{Payable, RefundStatus};
use crate::{Money, PaymentId, RefundId, ReservationId, scope};

/// A payment was started. Answered by the event [`crate::payments::Quoted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPayment {
    pub reservation: ReservationId,
    pub payment: PaymentId,
}

impl Request for OpenPayment {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// The money was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentSucceeded {
    pub reservation: ReservationId,
    pub payment: PaymentId,
    pub amount: Money,
}

impl Request for PaymentSucceeded {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// The payment failed. Another attempt is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFailed {
    pub reservation: ReservationId,
    pub payment: PaymentId,
}

impl Request for PaymentFailed {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// The bank accepted the card: the guest has to authenticate (3-D Secure), or the bank is processing the payment. A card that
/// is declined or unknown is never accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAccepted {
    pub reservation: ReservationId,
    pub payment: PaymentId,
}

impl Request for PaymentAccepted {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// A refund was started, succeeded or failed. A refund that succeeded can fail days later, so the sums are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundChanged {
    pub reservation: ReservationId,
    pub payment: PaymentId,
    pub refund: RefundId,
    /// The amount of this refund; 0 if nothing was left to refund.
    pub amount: Money,
    pub status: RefundStatus,
    /// The sum of the payment's refunds that have succeeded, in minor units.
    pub refunded: i64,
    /// The sum of those that are pending.
    pub pending: i64,
    /// The sum of those that failed and that staff has to resolve.
    pub failed: i64,
}

impl Request for RefundChanged {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["payments"])
    }
}

/// Reads what would have to be paid, for those who may see the reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPayable {
    pub reservation: ReservationId,
}

impl Request for GetPayable {
    type Contract = Reservations;
    type Reply = Payable;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui", "payments"])
    }
}
