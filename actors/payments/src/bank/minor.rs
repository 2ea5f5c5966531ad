//! Conversion between the minor units of ISO 4217 and those of the bank, which differ for three currencies.
//!
//! Source: <https://docs.stripe.com/currencies#special-cases>, `#zero-decimal` and `#three-decimal`. The bank accepts only
//! multiples of `Currency::rounding_increment`, to which offers are rounded already. HUF and TWD are special cases of payouts
//! to the merchant only.

use contracts::Money;

/// Currencies without decimals in ISO 4217, for which the bank uses two.
const BANK_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];
/// Currencies with two decimals in ISO 4217, for which the bank uses none.
const BANK_WHOLE: [&str; 1] = ["MGA"];

/// Converts to the bank's minor units; `None` if the bank does not accept the amount.
pub(super) fn to_bank(money: Money) -> Option<i64> {
    let code = money.currency.code();
    if money.amount % money.currency.rounding_increment() != 0 {
        return None;
    }
    if BANK_HUNDREDTHS.contains(&code) {
        money.amount.checked_mul(100)
    } else if BANK_WHOLE.contains(&code) {
        Some(money.amount / 100)
    } else {
        Some(money.amount)
    }
}

/// Converts from the bank's minor units; `None` if ISO 4217 cannot represent the amount. `currency` is in capitals.
pub(crate) fn from_bank(amount: i64, currency: &str) -> Option<i64> {
    if BANK_HUNDREDTHS.contains(&currency) {
        (amount % 100 == 0).then_some(amount / 100)
    } else if BANK_WHOLE.contains(&currency) {
        amount.checked_mul(100)
    } else {
        Some(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, code.parse().expect("a currency"))
    }

    #[test]
    fn amounts_convert_to_the_bank_and_back() {
        for (code, ours, banks) in [
            ("EUR", 1234, 1234),
            ("JPY", 500, 500),
            ("KRW", 7, 7),
            ("XOF", 7, 7),
            ("KWD", 1230, 1230),
            ("TND", 10, 10),
            ("ISK", 500, 50_000),
            ("UGX", 1, 100),
            ("MGA", 500, 5),
            ("HUF", 12_345, 12_345),
            ("TWD", 12_345, 12_345),
        ] {
            assert_eq!(to_bank(money(ours, code)), Some(banks), "{code}");
            assert_eq!(from_bank(banks, code), Some(ours), "{code}");
        }
        assert_eq!(from_bank(50, "ISK"), None);
    }

    #[test]
    fn amounts_that_the_bank_does_not_accept_are_not_converted() {
        for (code, amount) in [
            ("BHD", 1_235),
            ("JOD", 1_235),
            ("KWD", 94_763),
            ("OMR", 1),
            ("TND", 9),
            ("MGA", 5),
            ("ISK", i64::MAX),
        ] {
            assert_eq!(to_bank(money(amount, code)), None, "{code}");
        }
    }
}
