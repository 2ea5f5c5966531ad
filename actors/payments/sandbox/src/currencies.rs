//! The bank's minor units by currency (<https://docs.stripe.com/currencies>).

/// Amounts are in whole units.
const ZERO_DECIMALS: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Amounts are in thousandths, and the last digit is 0.
const THREE_DECIMALS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// Amounts are in hundredths, but only whole units are charged.
const WHOLE_HUNDREDTHS: [&str; 2] = ["isk", "ugx"];

/// The number that amounts of a currency (in small letters) have to be a multiple of.
pub(crate) fn increment(currency: &str) -> i64 {
    if THREE_DECIMALS.contains(&currency) {
        10
    } else if WHOLE_HUNDREDTHS.contains(&currency) {
        100
    } else {
        1
    }
}

/// An amount for people: `94.760 KWD`.
pub(crate) fn format(amount: i64, currency: &str) -> String {
    let code = currency.to_ascii_uppercase();
    if ZERO_DECIMALS.contains(&currency) {
        format!("{amount} {code}")
    } else if WHOLE_HUNDREDTHS.contains(&currency) {
        format!("{} {code}", amount / 100)
    } else if THREE_DECIMALS.contains(&currency) {
        format!("{}.{:03} {code}", amount / 1_000, amount % 1_000)
    } else {
        format!("{}.{:02} {code}", amount / 100, amount % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, expected) in [
            (1_205, "eur", "12.05 EUR"),
            (94_760, "kwd", "94.760 KWD"),
            (10, "bhd", "0.010 BHD"),
            (500, "jpy", "500 JPY"),
            (5, "mga", "5 MGA"),
            (50_000, "isk", "500 ISK"),
            (12_345, "huf", "123.45 HUF"),
        ] {
            assert_eq!(format(amount, currency), expected);
        }
    }
}
