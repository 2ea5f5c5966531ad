//! Price breakdowns.

use contracts::pricing::{PriceBreakdown, TaxAmount};
use poem_openapi::Object;
use serde::Serialize;

/// The price of one night for all rooms.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Nightly {
    /// The date on which the night begins.
    pub date: edge::Date,
    /// The amount, in minor units of the currency.
    pub amount: i64,
}

/// A tax or fee.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Tax {
    /// The name, as shown to guests.
    pub name: String,
    /// The amount, in minor units of the currency.
    pub amount: i64,
    /// Whether the amounts of the nights include this tax.
    pub included: bool,
}

impl From<TaxAmount> for Tax {
    fn from(tax: TaxAmount) -> Self {
        Self { name: tax.name, amount: tax.amount, included: tax.included }
    }
}

/// The nights of a price breakdown.
pub fn nightly(quote: &PriceBreakdown) -> Vec<Nightly> {
    quote.nightly.iter().map(|(date, amount)| Nightly { date: crate::date(*date), amount: *amount }).collect()
}

/// The taxes of a price breakdown.
pub fn taxes(quote: &PriceBreakdown) -> Vec<Tax> {
    quote.taxes.iter().cloned().map(Tax::from).collect()
}
