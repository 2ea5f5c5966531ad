//! Payments of reservations.

use protocol::{Access, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CreditNote, Payments, Refund, RefundStatus};
use crate::{HotelId, Money, PaymentId, RefundId, ReservationId, scope};

/// Those who may read payments, as far as the state shows that these are theirs.
pub(super) const READERS: Access = Access::scopes(&[
    scope::PAYMENTS_READ,
    scope::PAYMENTS_WRITE,
    scope::HOTEL_MANAGE,
    scope::CLUSTER_MANAGE,
])
.or_services(&["ui", "payments", "reservations"]);

/// The status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// Waiting for `reservations` or for the bank.
    Processing,
    /// The guest has to open [`Payment::redirect_url`] (3-D Secure).
    RequiresAction,
    Succeeded,
    /// Another attempt is allowed.
    Failed,
    PartiallyRefunded,
    Refunded,
}

/// Why a payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code: the bank's decline code (`card_declined`, `insufficient_funds`, `expired_card`, …), or one of this
    /// service: `reservation_not_found`, `reservation_not_held`, `reservation_payment_open`, `amount_changed`, `cancelled`,
    /// `authentication_required`, `authentication_expired`, `bank_unavailable`, `bank_refused`, `bank_mismatch`.
    pub code: String,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub reservation: ReservationId,
    /// `None` until `reservations` has returned the amount.
    pub hotel: Option<HotelId>,
    pub status: PaymentStatus,
    /// `None` until `reservations` has returned it.
    pub amount: Option<Money>,
    /// The sum of the refunds that succeeded, in minor units.
    pub refunded: i64,
    /// Present while the status is [`PaymentStatus::Failed`], and if the bank captured something else than was requested.
    pub failure: Option<Failure>,
    /// Present while the status is [`PaymentStatus::RequiresAction`].
    pub redirect_url: Option<String>,
    /// The masked card: `Visa •••• 4242`.
    pub method: Option<String>,
    /// `R-000123`, consecutive for each hotel; present once the payment has succeeded.
    pub receipt_number: Option<String>,
    /// In the order of their creation.
    pub refunds: Vec<Refund>,
    pub created_at: Timestamp,
    pub succeeded_at: Option<Timestamp>,
    /// Whether no real money moves; `None` until an intent exists at the bank.
    pub test: Option<bool>,
    /// Stable event names: `started`, `quoted`, `known_to_bank`, `requires_action`, `bank_processing`, `succeeded`, `failed`,
    /// `refund_started`, `refund_succeeded`, `refund_failed`, `paid_twice`, `cancel_requested`, `bank_mismatch`,
    /// `refund_settled_otherwise`.
    pub timeline: Vec<(Timestamp, String)>,
    /// Grows with each change: the entity tag.
    pub version: u64,
    /// In the order of their numbers.
    pub credit_notes: Vec<CreditNote>,
    /// Why staff has to act; empty if nothing is to be done.
    pub attention: Vec<Attention>,
    /// Whether the open payment is being cancelled at the bank.
    pub cancelling: bool,
}

impl Payment {
    /// Whether it may still succeed.
    pub fn is_open(&self) -> bool {
        let open = matches!(self.status, PaymentStatus::Processing | PaymentStatus::RequiresAction);
        // A payment with a failure waits for its refund only.
        open && self.failure.is_none()
    }
}

/// Why a payment needs the attention of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attention {
    /// A refund failed, and the guest has not received its amount in another way: see [`super::RetryRefund`] and
    /// [`super::SettleRefund`].
    RefundFailed,
    /// The bank captured another amount, another currency or in another mode than was requested, and the refund of all of
    /// it has not succeeded yet.
    BankMismatch,
}

/// Starts a payment. The sender has verified, in the caller's name, that the caller may see the reservation; the amount that
/// is charged comes from `reservations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPayment {
    pub reservation: ReservationId,
    /// `pm_…`: the bank's id of a card. Card numbers are sent to the bank only.
    pub payment_method: String,
    /// Where the guest returns to after 3-D Secure: `https://…` (or `http://…` on loopback).
    pub return_url: String,
    /// The total that the payer saw. If `reservations` returns another amount, nothing is charged.
    pub expected_amount: Option<Money>,
}

impl Request for StartPayment {
    type Contract = Payments;
    type Reply = PaymentId;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui"])
    }
}

/// Counts an attempt to pay by card before it is made, against card testing: by guest and by the guest's address, over all
/// shards. OAuth clients are not counted here; the attempts of one reservation are limited for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountCardAttempt {
    /// A keyed hash of the guest's address; `None` for a guest on this machine.
    pub address: Option<u128>,
    /// The most attempts of an account or of a guest's session in an hour.
    pub visitor_max: u32,
    /// The most attempts of an address in an hour.
    pub address_max: u32,
}

impl Request for CountCardAttempt {
    type Contract = Payments;
    type Reply = ();

    fn route(&self) -> Route {
        Route::SINGLE
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui"])
    }
}

/// The guest returned from 3-D Secure: retrieve the intent now rather than at the next scheduled check. Safe at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestReturned {
    pub payment: PaymentId,
}

impl Request for GuestReturned {
    type Contract = Payments;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui"])
    }
}

/// Abandons an open payment, so that another card can be used: its intent is cancelled at the bank. The payment fails once
/// the bank has confirmed that, or succeeds if the bank had charged the card before. A payment that has failed stays as it is;
/// one that has succeeded is refused.
///
/// From `reservations`: the hold of an open payment has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelPayment {
    pub payment: PaymentId,
}

impl Request for CancelPayment {
    type Contract = Payments;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui", "reservations"])
    }
}

/// Reads one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPayment {
    pub payment: PaymentId,
}

impl Request for GetPayment {
    type Contract = Payments;
    type Reply = Payment;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// Reads one payment once it is final, or shortly before the call's deadline as it is then: a long poll. Final is a payment
/// that has left [`PaymentStatus::Processing`] or, with `refund`, a refund that has left [`RefundStatus::Pending`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitPayment {
    pub payment: PaymentId,
    pub refund: Option<RefundId>,
}

impl AwaitPayment {
    /// Whether the payment is final.
    pub fn is_final(&self, payment: &Payment) -> bool {
        match self.refund {
            None => payment.status != PaymentStatus::Processing,
            Some(id) => {
                let refund = payment.refunds.iter().find(|refund| refund.id == id);
                refund.is_some_and(|refund| refund.status != RefundStatus::Pending)
            }
        }
    }
}

impl Request for AwaitPayment {
    type Contract = Payments;
    type Reply = Payment;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// Reads the payments of one reservation, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReservationPayments {
    pub reservation: ReservationId,
}

impl Request for ListReservationPayments {
    type Contract = Payments;
    type Reply = Vec<Payment>;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// Reads the payments that the caller may see, newest first: its own, those of its hotels, or all for an administrator.
/// Every shard returns one page; the caller merges them by [`PaymentCursor`] in descending order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPayments {
    pub hotel: Option<HotelId>,
    pub status: Option<PaymentStatus>,
    /// Only payments after this one.
    pub after: Option<PaymentCursor>,
    /// At most 101.
    pub limit: u32,
    /// Only payments that need the attention of staff, see [`Payment::attention`].
    pub needs_attention: bool,
}

impl Request for ListPayments {
    type Contract = Payments;
    type Reply = Vec<Payment>;

    fn route(&self) -> Route {
        Route::AllShards
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// The last payment of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentCursor {
    pub created_at: Timestamp,
    pub payment: PaymentId,
}
