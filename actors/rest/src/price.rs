//! Price breakdowns.

use contracts::pricing::{PriceBreakdown, TaxAmount};
use poem_openapi::Object;
use serde::Serialize;

/// What one night costs, for all rooms.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Nightly {
    /// The day on which the night begins.
    pub date: edge::Date,
    /// Minor units.
    pub amount: i64,
}

/// A tax or fee.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct Tax {
    /// As shown.
    pub name: String,
    /// Minor units.
    pub amount: i64,
    /// Whether the nights' amounts contain it already.
    pub included: bool,
}

impl From<TaxAmount> for Tax {
    fn from(tax: TaxAmount) -> Self {
        Self { name: tax.name, amount: tax.amount, included: tax.included }
    }
}

/// The nights of a quote.
pub fn nightly(quote: &PriceBreakdown) -> Vec<Nightly> {
    quote.nightly.iter().map(|(date, amount)| Nightly { date: crate::date(*date), amount: *amount }).collect()
}

/// The taxes of a quote.
pub fn taxes(quote: &PriceBreakdown) -> Vec<Tax> {
    quote.taxes.iter().cloned().map(Tax::from).collect()
}
