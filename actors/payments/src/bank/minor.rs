//! Minor units as the bank counts them: ISO 4217's, but for three currencies.
//!
//! Source: <https://docs.stripe.com/currencies#special-cases> and `#zero-decimal`.

use contracts::Money;

/// ISO 4217 gives these no decimals; the bank counts hundredths of them still.
const COUNTED_IN_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];
/// ISO 4217 gives it two decimals; the bank counts whole ones.
const COUNTED_WHOLE: [&str; 1] = ["MGA"];

/// What the bank is asked for. None where it has no such amount.
pub(super) fn to_bank(money: Money) -> Option<i64> {
    let code = money.currency.code();
    if COUNTED_IN_HUNDREDTHS.contains(&code) {
        money.amount.checked_mul(100)
    } else if COUNTED_WHOLE.contains(&code) {
        (money.amount % 100 == 0).then_some(money.amount / 100)
    } else {
        Some(money.amount)
    }
}

/// What the bank's amount is in ISO's minor units; `currency` in capitals. None where there is no such amount.
pub(crate) fn from_bank(amount: i64, currency: &str) -> Option<i64> {
    if COUNTED_IN_HUNDREDTHS.contains(&currency) {
        (amount % 100 == 0).then_some(amount / 100)
    } else if COUNTED_WHOLE.contains(&currency) {
        amount.checked_mul(100)
    } else {
        Some(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_the_bank_counts_and_back() {
        for (code, ours, banks) in [
            ("EUR", 1234, 1234),
            ("JPY", 500, 500),
            ("KWD", 1230, 1230),
            ("ISK", 500, 50_000),
            ("MGA", 500, 5),
        ] {
            let money = Money::new(ours, code.parse().expect("a currency"));
            assert_eq!(to_bank(money), Some(banks), "{code}");
            assert_eq!(from_bank(banks, code), Some(ours), "{code}");
        }
        assert_eq!(to_bank(Money::new(5, "MGA".parse().expect("a currency"))), None);
        assert_eq!(from_bank(50, "ISK"), None);
    }
}
