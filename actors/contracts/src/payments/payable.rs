//! What a guest owes for a reservation.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::Payments;
use crate::{Date, HotelId, Money, PaymentId};

/// The amount that is owed for a reservation, and the details that the receipt needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payable {
    /// Calculated by `reservations`. It never comes from a client.
    pub amount: Money,
    pub hotel: HotelId,
    pub hotel_name: String,
    pub hotel_address: String,
    /// City and country: `Munich, DE`.
    pub hotel_city: String,
    /// The hotel's time zone, for dates on the receipt.
    pub time_zone: String,
    pub guest_name: String,
    /// Receives the receipt.
    pub guest_email: String,
    /// What was booked: `2 × Double room, Flexible`.
    pub room: String,
    pub check_in: Date,
    pub check_out: Date,
    /// The lines of the receipt: text and price in minor units.
    pub lines: Vec<(String, i64)>,
    pub taxes: Vec<crate::pricing::TaxAmount>,
    /// The owner of the reservation, who also sees payments that others make for it.
    pub owner: String,
}

/// Why a reservation cannot be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotPayable {
    NoSuchReservation,
    /// It has expired, was cancelled, or is already confirmed.
    NotHeld,
    /// Another payment is open.
    PaymentOpen,
    /// The total is 0, so it was confirmed without a payment.
    NothingDue,
}

/// The reply of `reservations` to [`crate::reservations::OpenPayment`], sent as an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quoted {
    pub payment: PaymentId,
    /// What is owed, or why nothing can be paid.
    pub answer: Result<Payable, NotPayable>,
}

impl Request for Quoted {
    type Contract = Payments;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        Access::services(&["reservations"])
    }
}
