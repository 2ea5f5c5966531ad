//! What `payments` reports about the payment of a reservation.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::Reservations;
use crate::payments::Payable;
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

/// A refund succeeded or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundSettled {
    pub reservation: ReservationId,
    pub payment: PaymentId,
    pub refund: RefundId,
    pub amount: Money,
    /// Whether the money was refunded; otherwise staff has to resolve it.
    pub succeeded: bool,
}

impl Request for RefundSettled {
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
