//! Receipts of payments that succeeded, and credit notes of refunds.

use protocol::{Access, Request, Route, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Payments, payment::READERS};
use crate::{Money, PaymentId, RefundId};

/// Reads the data of a receipt, for the template `receipt` of the pdf service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetReceipt {
    pub payment: PaymentId,
    /// The link to the booking on the receipt; empty for no link.
    pub booking_url: String,
}

impl Request for GetReceipt {
    type Contract = Payments;
    type Reply = Receipt;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// Reads the data of a credit note, for the template `credit-note` of the pdf service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCreditNote {
    pub payment: PaymentId,
    /// `CN-000123`.
    pub number: String,
    /// The link to the booking on the credit note; empty for no link.
    pub booking_url: String,
}

impl Request for GetCreditNote {
    type Contract = Payments;
    type Reply = Receipt;

    fn route(&self) -> Route {
        Route::Slot(self.payment.slot())
    }

    fn access(&self) -> Access {
        READERS
    }
}

/// A credit note: a refund that succeeded reduces what the receipt says was paid. The receipt itself is never changed. If the
/// bank returns the money of a refund later, another credit note reverses the first one. Numbers are consecutive for each hotel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNote {
    /// `CN-000123`.
    pub number: String,
    pub refund: RefundId,
    /// The amount of the refund.
    pub amount: Money,
    pub issued_at: Timestamp,
    /// The credit note that this one reverses.
    pub reverses: Option<String>,
}

/// The data of a receipt or of a credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `R-000123` or `CN-000123`.
    pub number: String,
    /// JSON for the template.
    pub data_json: String,
    pub guest_name: String,
    pub guest_email: String,
}
