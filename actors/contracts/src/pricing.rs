//! The price of a stay. `search` and `reservations` use this one calculation, so that a search result shows the price that is
//! charged, to the cent.

use serde::{Deserialize, Serialize};

use crate::{Date, RatePlanProfile, Season, TaxRule};

/// The amount of a tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxAmount {
    pub name: String,
    /// In minor units.
    pub amount: i64,
    /// Whether the nightly prices include it.
    pub included: bool,
}

/// The price of a stay, itemized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBreakdown {
    /// The price of each night for all rooms together, in minor units.
    pub nightly: Vec<(Date, i64)>,
    /// The taxes, each rounded once.
    pub taxes: Vec<TaxAmount>,
    /// The sum of the nights and of the taxes that are not included, in minor units.
    pub total: i64,
}

/// The price of one room for one night, in minor units: the calendar's price `set` if there is one, otherwise the seasonal
/// price, rounded half up to a minor unit.
pub fn night_price(plan: &RatePlanProfile, season: &Season, night: Date, set: Option<i64>) -> i64 {
    set.unwrap_or_else(|| {
        let factor =
            i128::from(season.months[night.month0()]) * i128::from(season.weekdays[night.weekday0()]);
        let price = (i128::from(plan.amount) * factor + 500_000) / 1_000_000;
        i64::try_from(price).unwrap_or(i64::MAX)
    })
}

/// The price of a stay. `nights` has the price of one room for each night, in minor units.
pub fn price_stay(
    nights: impl IntoIterator<Item = (Date, i64)>,
    rooms: u32,
    taxes: &[TaxRule],
) -> PriceBreakdown {
    let nightly: Vec<_> =
        nights.into_iter().map(|(night, price)| (night, price.saturating_mul(i64::from(rooms)))).collect();
    let sum = nightly.iter().fold(0i64, |sum, (_, amount)| sum.saturating_add(*amount));
    let taxes: Vec<_> = taxes.iter().map(|rule| tax(rule, sum)).collect();
    let added =
        taxes.iter().filter(|tax| !tax.included).fold(0i64, |sum, tax| sum.saturating_add(tax.amount));
    PriceBreakdown { nightly, taxes, total: sum.saturating_add(added) }
}

/// A percentage of an amount, rounded half up to a minor unit. Used for cancellation fees.
pub fn share(amount: i64, percent: u8) -> i64 {
    let share = (i128::from(amount) * i128::from(percent) * 2 + 100) / 200;
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// The total of a stay, without a breakdown. `search` calls it for every hotel, so unlike [`price_stay`] it does not allocate.
/// It equals the total of [`price_stay`].
pub fn total(sum_of_nights: i64, taxes: &[TaxRule]) -> i64 {
    let added = |sum: i64, rule: &TaxRule| sum.saturating_add(tax_amount(rule, sum_of_nights));
    sum_of_nights.saturating_add(taxes.iter().filter(|rule| !rule.included).fold(0, added))
}

fn tax(rule: &TaxRule, sum: i64) -> TaxAmount {
    TaxAmount { name: rule.name.clone(), amount: tax_amount(rule, sum), included: rule.included }
}

/// Rounds half up to a minor unit. An included tax is a part of the price: p × r / (1 + r).
fn tax_amount(rule: &TaxRule, sum: i64) -> i64 {
    let (sum, rate) = (i128::from(sum), i128::from(rule.basis_points));
    let whole = if rule.included { 10_000 + rate } else { 10_000 };
    i64::try_from((sum * rate * 2 + whole) / (whole * 2)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(basis_points: u32, included: bool) -> TaxRule {
        TaxRule { name: "VAT".into(), basis_points, included }
    }

    #[test]
    fn a_total_is_the_sum_of_nights_and_taxes_that_are_not_included() {
        let table = [
            (&[10_000, 12_000][..], 1, rule(700, false), 22_000 + 1_540, 1_540),
            (&[10_000, 12_000][..], 2, rule(700, false), 44_000 + 3_080, 3_080),
            (&[10_700][..], 1, rule(700, true), 10_700, 700),
            (&[999][..], 1, rule(1_050, false), 999 + 105, 105),
            (&[0][..], 1, rule(700, false), 0, 0),
        ];
        for (prices, rooms, rule, total_expected, tax_expected) in table {
            let nights = prices.iter().enumerate().map(|(day, price)| (Date(day as i32), *price));
            let quote = price_stay(nights, rooms, std::slice::from_ref(&rule));
            assert_eq!((quote.total, quote.taxes[0].amount), (total_expected, tax_expected), "{prices:?}");
            let sum = quote.nightly.iter().map(|(_, amount)| amount).sum();
            assert_eq!(total(sum, std::slice::from_ref(&rule)), total_expected);
        }
    }
}
