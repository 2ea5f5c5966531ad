//! Prices against exact rational arithmetic.

use contracts::pricing::{night_price, price_stay, share, total};
use contracts::{Cancellation, Currency, Date, RatePlanId, RatePlanProfile, Season, TaxRule};
use proptest::prelude::*;

/// An exact fraction with a positive denominator.
#[derive(Debug, Clone, Copy)]
struct Fraction(i128, i128);

impl Fraction {
    /// Whether `amount` is this fraction, rounded half up to a multiple of `increment`:
    /// `amount - increment / 2 <= fraction < amount + increment / 2`.
    fn rounds_to(self, amount: i64, increment: i64) -> bool {
        let (amount, increment, Self(over, under)) = (i128::from(amount), i128::from(increment), self);
        amount % increment == 0
            && (2 * amount - increment) * under <= 2 * over
            && 2 * over < (2 * amount + increment) * under
    }
}

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof!["EUR", "JPY", "ISK", "KWD", "BHD", "JOD", "OMR", "TND", "MGA"]
        .prop_map(|code| code.parse().expect("a currency code"))
}

fn taxes() -> impl Strategy<Value = Vec<TaxRule>> {
    let rule = (0..=10_000u32, any::<bool>());
    proptest::collection::vec(rule, 0..=10).prop_map(|rules| {
        let rule = |(place, (basis_points, included)): (usize, _)| TaxRule {
            name: format!("tax {place}"),
            basis_points,
            included,
        };
        rules.into_iter().enumerate().map(rule).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn each_amount_is_exact_and_rounded_once(
        prices in proptest::collection::vec(0..100_000_000i64, 1..60), rooms in 1..=50u32, taxes in taxes(), currency in currency(),
    ) {
        let increment = currency.rounding_increment();
        let nights = prices.iter().zip(0..).map(|(price, day)| (Date(day), price / increment * increment));
        let priced = price_stay(nights.clone(), rooms, &taxes, currency);
        let gross: i64 = nights.map(|(_, price)| price * i64::from(rooms)).sum();
        prop_assert_eq!(priced.nightly.iter().map(|(_, amount)| amount).sum::<i64>(), gross);

        let included: i128 = taxes.iter().filter(|rule| rule.included).map(|rule| i128::from(rule.basis_points)).sum();
        for (rule, tax) in taxes.iter().zip(&priced.taxes) {
            let share = i128::from(gross) * i128::from(rule.basis_points);
            let (exact, increment) = if rule.included {
                // net = gross / (1 + included), tax = net × rate
                (Fraction(share, 10_000 + included), 1)
            } else {
                (Fraction(share, 10_000), increment)
            };
            prop_assert!(exact.rounds_to(tax.amount, increment), "{rule:?} of {gross}: {tax:?}");
        }

        // The remainder without included taxes differs from the exact net price by their rounding only.
        let net = gross - priced.taxes.iter().filter(|tax| tax.included).map(|tax| tax.amount).sum::<i64>();
        let count = taxes.iter().filter(|rule| rule.included).count() as i128;
        let off = i128::from(net) * (10_000 + included) - i128::from(gross) * 10_000;
        prop_assert!(2 * off.abs() <= count * (10_000 + included), "{net} of {gross}");

        let added: i64 = priced.taxes.iter().filter(|tax| !tax.included).map(|tax| tax.amount).sum();
        prop_assert_eq!(priced.total, gross + added);
        prop_assert_eq!(priced.total % increment, 0);
        prop_assert_eq!(total(gross, &taxes, currency), priced.total);
    }

    #[test]
    fn nights_and_fees_are_rounded_once(
        amount in 0..1_000_000_000_000i64, month in 100..=10_000u16, weekday in 100..=10_000u16, percent in 0..=100u8,
        currency in currency(),
    ) {
        let season = Season { months: [month; 12], weekdays: [weekday; 7] };
        let cancellation = Cancellation { free_until_hours: None, penalty_percent: percent };
        let plan =
            RatePlanProfile { id: RatePlanId(0), name: String::new(), amount, cancellation, active: true, reference: None };
        let increment = currency.rounding_increment();
        let price = night_price(&plan, &season, Date(0), None, currency);
        let exact = Fraction(i128::from(amount) * i128::from(month) * i128::from(weekday), 1_000_000);
        prop_assert!(exact.rounds_to(price, increment), "{price}");
        let set = night_price(&plan, &season, Date(0), Some(amount), currency);
        prop_assert!(Fraction(amount.into(), 1).rounds_to(set, increment), "{set}");
        let fee = share(price, percent, currency);
        prop_assert!(Fraction(i128::from(price) * i128::from(percent), 100).rounds_to(fee, increment), "{fee}");
        prop_assert!((0..=price).contains(&fee));
    }
}
