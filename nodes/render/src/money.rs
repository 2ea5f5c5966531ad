//! Formats amounts of money.

use iso_currency::Currency;

/// Number of decimal digits of a currency, by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD. `None` for an unknown code.
pub fn minor_digits(currency: &str) -> Option<u32> {
    Currency::from_code(currency).map(|currency| currency.exponent().unwrap_or(0).into())
}

/// Formats `amount` minor units: `€1,234.50`, `¥500`, `PLN 1,234.50` (with a no-break space). `None` for an unknown
/// code.
///
/// Symbols are those of Unicode CLDR for English, where no two currencies share one.
pub fn format_money(amount: i64, currency: &str) -> Option<String> {
    let digits = minor_digits(currency)?;
    let unit = 10u64.pow(digits);
    let whole = thousands(amount.unsigned_abs() / unit);
    let fraction = amount.unsigned_abs() % unit;
    let sign = if amount < 0 { "-" } else { "" };
    let label = symbol(currency).map_or_else(|| format!("{currency}\u{a0}"), str::to_owned);
    let width = digits as usize;
    Some(if width == 0 {
        format!("{sign}{label}{whole}")
    } else {
        format!("{sign}{label}{whole}.{fraction:0width$}")
    })
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn symbol(currency: &str) -> Option<&'static str> {
    Some(match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" => "¥",
        "CNY" => "CN¥",
        "INR" => "₹",
        "KRW" => "₩",
        "ILS" => "₪",
        "VND" => "₫",
        "PHP" => "₱",
        "BRL" => "R$",
        "CAD" => "CA$",
        "MXN" => "MX$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "HKD" => "HK$",
        "TWD" => "NT$",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, expect) in [
            (123_450, "EUR", "€1,234.50"),
            (0, "EUR", "€0.00"),
            (5, "USD", "$0.05"),
            (-5, "USD", "-$0.05"),
            (100_000_000, "GBP", "£1,000,000.00"),
            (500, "JPY", "¥500"),
            (1_234_567, "KWD", "KWD\u{a0}1,234.567"),
            (123_450, "PLN", "PLN\u{a0}1,234.50"),
            (99_999, "CHF", "CHF\u{a0}999.99"),
            (i64::MIN, "EUR", "-€92,233,720,368,547,758.08"),
        ] {
            assert_eq!(format_money(amount, currency).as_deref(), Some(expect));
        }
        assert_eq!(format_money(1, "ABC"), None);
        assert_eq!(format_money(1, "eur"), None);
        assert_eq!(minor_digits("JPY"), Some(0));
    }
}
