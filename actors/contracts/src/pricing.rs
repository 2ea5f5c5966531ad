//! The price of a stay. `search` and `reservations` use this one calculation, so that a search result shows the price that is
//! charged, to the cent.
//!
//! Rounding: every amount is computed exactly and rounded once, half up. What is charged (nights, added taxes, cancellation
//! fees) is rounded to [`Currency::rounding_increment`], so that sums of it can be charged as well. Included taxes are only
//! itemized: each is rounded to a minor unit, and the price without them is the remainder, so that both add up to the price.

use serde::{Deserialize, Serialize};

use crate::{Currency, Date, RatePlanProfile, Season, TaxRule};

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
/// price.
pub fn night_price(
    plan: &RatePlanProfile,
    season: &Season,
    night: Date,
    set: Option<i64>,
    currency: Currency,
) -> i64 {
    if let Some(price) = set {
        return round(price.into(), 1, currency);
    }
    let factor = i128::from(season.months[night.month0()]) * i128::from(season.weekdays[night.weekday0()]);
    round(i128::from(plan.amount) * factor, 1_000_000, currency)
}

/// The price of a stay. `nights` has the price of one room for each night, in minor units.
pub fn price_stay(
    nights: impl IntoIterator<Item = (Date, i64)>,
    rooms: u32,
    taxes: &[TaxRule],
    currency: Currency,
) -> PriceBreakdown {
    let nightly: Vec<_> =
        nights.into_iter().map(|(night, price)| (night, price.saturating_mul(i64::from(rooms)))).collect();
    let sum = nightly.iter().fold(0i64, |sum, (_, amount)| sum.saturating_add(*amount));
    let included = taxes.iter().filter(|rule| rule.included).map(|rule| i128::from(rule.basis_points)).sum();
    let tax = |rule: &TaxRule| TaxAmount {
        name: rule.name.clone(),
        amount: if rule.included {
            included_tax(rule, sum, included)
        } else {
            added_tax(rule, sum, currency)
        },
        included: rule.included,
    };
    PriceBreakdown { total: total(sum, taxes, currency), taxes: taxes.iter().map(tax).collect(), nightly }
}

/// A percentage of an amount. Used for cancellation fees.
pub fn share(amount: i64, percent: u8, currency: Currency) -> i64 {
    round(i128::from(amount) * i128::from(percent), 100, currency)
}

/// The total of a stay, without a breakdown. `search` calls it for every hotel, so unlike [`price_stay`] it does not allocate.
/// It equals the total of [`price_stay`].
pub fn total(sum_of_nights: i64, taxes: &[TaxRule], currency: Currency) -> i64 {
    let added = |sum: i64, rule: &TaxRule| sum.saturating_add(added_tax(rule, sum_of_nights, currency));
    sum_of_nights.saturating_add(taxes.iter().filter(|rule| !rule.included).fold(0, added))
}

/// `numerator` / `denominator`, rounded half up to an amount that can be charged.
pub fn round(numerator: i128, denominator: i128, currency: Currency) -> i64 {
    let increment = currency.rounding_increment();
    let steps = half_up(numerator, denominator * i128::from(increment));
    i64::try_from(steps * i128::from(increment)).unwrap_or(i64::MAX)
}

/// A tax on the price of the nights.
fn added_tax(rule: &TaxRule, sum: i64, currency: Currency) -> i64 {
    round(i128::from(sum) * i128::from(rule.basis_points), 10_000, currency)
}

/// A tax that the price contains. All included taxes are due on the same net price, so the gross price is divided by one plus
/// the sum of their rates, `included`: 115.00 with 10 % and 5 % contains 10.00 and 5.00.
fn included_tax(rule: &TaxRule, sum: i64, included: i128) -> i64 {
    let tax = half_up(i128::from(sum) * i128::from(rule.basis_points), 10_000 + included);
    i64::try_from(tax).unwrap_or(i64::MAX)
}

fn half_up(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(basis_points: u32, included: bool) -> TaxRule {
        TaxRule { name: "VAT".into(), basis_points, included }
    }

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency code")
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
            let quote = price_stay(nights, rooms, std::slice::from_ref(&rule), Currency::EUR);
            assert_eq!((quote.total, quote.taxes[0].amount), (total_expected, tax_expected), "{prices:?}");
            let sum = quote.nightly.iter().map(|(_, amount)| amount).sum();
            assert_eq!(total(sum, std::slice::from_ref(&rule), Currency::EUR), total_expected);
        }
    }

    #[test]
    fn included_taxes_are_computed_together_on_one_net_price() {
        let table = [
            (11_500, vec![rule(1_000, true), rule(500, true)], vec![1_000, 500], 11_500),
            (11_500, vec![rule(500, true), rule(1_000, true)], vec![500, 1_000], 11_500),
            // An added tax is due on the nightly price as it is.
            (
                11_500,
                vec![rule(1_000, true), rule(500, true), rule(200, false)],
                vec![1_000, 500, 230],
                11_730,
            ),
            (10_000, vec![rule(700, true), rule(300, true)], vec![636, 273], 10_000),
        ];
        for (gross, rules, taxes, total) in table {
            let priced = price_stay([(Date(0), gross)], 1, &rules, Currency::EUR);
            let found: Vec<_> = priced.taxes.iter().map(|tax| tax.amount).collect();
            assert_eq!((found, priced.total), (taxes, total), "{rules:?}");
        }
    }

    #[test]
    fn what_is_charged_is_a_multiple_of_what_the_bank_accepts() {
        let plan = RatePlanProfile {
            id: crate::RatePlanId(0),
            name: String::new(),
            amount: 94_763,
            cancellation: crate::Cancellation { free_until_hours: None, penalty_percent: 33 },
            active: true,
            reference: None,
        };
        for (code, set, night, tax, fee) in [
            ("KWD", None, 94_760, 7_110, 33_620),
            ("KWD", Some(94_765), 94_770, 7_110, 33_620),
            ("MGA", None, 94_800, 7_100, 33_600),
            ("EUR", None, 94_763, 7_107, 33_617),
            ("ISK", Some(94_765), 94_765, 7_107, 33_618),
        ] {
            let currency = currency(code);
            let price = night_price(&plan, &Season::FLAT, Date(0), set, currency);
            let priced = price_stay([(Date(0), price)], 1, &[rule(750, false)], currency);
            let found = (price, priced.taxes[0].amount, share(priced.total, 33, currency));
            assert_eq!(found, (night, tax, fee), "{code}");
            assert_eq!(priced.total, night + tax);
        }
    }
}
