//! Receipts of payments that succeeded.

use protocol::{Access, Request, Route};
use serde::{Deserialize, Serialize};

use super::{Payments, payment::READERS};
use crate::PaymentId;

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

/// The data of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `R-000123`.
    pub number: String,
    /// JSON for the template.
    pub data_json: String,
    pub guest_name: String,
    pub guest_email: String,
}
