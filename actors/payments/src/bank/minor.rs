//! Conversion between the minor units of ISO 4217 and those of the bank, which differ for three currencies.
//!
//! Source: <https://docs.stripe.com/currencies#special-cases> and `#zero-decimal`.

use contracts::Money;

/// Currencies without decimals in ISO 4217, for which the bank uses two.
const BANK_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];
/// Currencies with two decimals in ISO 4217, for which the bank uses none.
const BANK_WHOLE: [&str; 1] = ["MGA"];

/// Converts to the bank's minor units; `None` if the bank cannot represent the amount.
pub(super) fn to_bank(money: Money) -> Option<i64> {
    let code = money.currency.code();
    if BANK_HUNDREDTHS.contains(&code) {
        money.amount.checked_mul(100)
    } else if BANK_WHOLE.contains(&code) {
        (money.amount % 100 == 0).then_some(money.amount / 100)
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

    #[test]
    fn amounts_convert_to_the_bank_and_back() {
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
