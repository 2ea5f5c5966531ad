//! Formatting of amounts with their currency.

use contracts::{Currency, Money};

use super::{Language, Locale};

const NARROW: &str = "\u{202f}";
const NO_BREAK: &str = "\u{a0}";

/// Formats an amount: `€1,234.50`, `1.234,50 €`, `1 234,50 €`.
pub(crate) fn money(locale: Locale, money: Money) -> String {
    let digits = render::minor_digits(money.currency.code()).unwrap_or(2);
    let (thousands, point) = match locale.language {
        Language::English => (",", "."),
        Language::German | Language::Italian | Language::Dutch | Language::Spanish => (".", ","),
        Language::French => (NARROW, ","),
    };
    let unit = 10u64.pow(digits);
    let absolute = money.amount.unsigned_abs();
    let mut number = grouped(absolute / unit, thousands);
    if digits > 0 {
        number.push_str(&format!("{point}{:0width$}", absolute % unit, width = digits as usize));
    }
    let sign = if money.amount < 0 { "−" } else { "" };
    let symbol = symbol(locale, money.currency);
    match locale.language {
        Language::English if symbol == money.currency.code() => format!("{sign}{symbol}{NO_BREAK}{number}"),
        Language::English => format!("{sign}{symbol}{number}"),
        Language::Dutch => format!("{symbol}{NO_BREAK}{sign}{number}"),
        Language::German | Language::French | Language::Spanish | Language::Italian => {
            format!("{sign}{number}{NO_BREAK}{symbol}")
        }
    }
}

/// Formats an amount in minor units, like [`money`].
pub(crate) fn amount(locale: Locale, amount: i64, currency: Currency) -> String {
    money(locale, Money::new(amount, currency))
}

fn symbol(locale: Locale, currency: Currency) -> String {
    match currency.code() {
        "EUR" => "€",
        "GBP" => "£",
        "USD" if locale.american => "$",
        "USD" => "US$",
        "JPY" => "¥",
        "INR" => "₹",
        "KRW" => "₩",
        "ILS" => "₪",
        "VND" => "₫",
        "CAD" => "CA$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "MXN" => "MX$",
        "BRL" => "R$",
        other => other,
    }
    .to_owned()
}

fn grouped(number: u64, separator: &str) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_formatted_in_each_language() {
        let of = |tag: &str, amount, code: &str| {
            money(Locale::accepted(tag), Money::new(amount, code.parse().unwrap()))
                .replace(['\u{a0}', '\u{202f}'], " ")
        };
        let table = [
            ("en", 123_450, "EUR", "€1,234.50"),
            ("de", 123_450, "EUR", "1.234,50 €"),
            ("fr", 123_450, "EUR", "1 234,50 €"),
            ("es", 123_450, "EUR", "1.234,50 €"),
            ("nl", 123_450, "EUR", "€ 1.234,50"),
            ("en-US", 99, "USD", "$0.99"),
            ("en-GB", 99, "USD", "US$0.99"),
            ("en", 1_234_567, "JPY", "¥1,234,567"),
            ("en", 5_000, "CHF", "CHF 50.00"),
            ("de", -5_000, "EUR", "−50,00 €"),
            ("en", 1_234, "KWD", "KWD 1.234"),
            ("en", i64::MIN, "JPY", "−¥9,223,372,036,854,775,808"),
        ];
        for (tag, amount, code, expected) in table {
            assert_eq!(of(tag, amount, code), expected, "{tag} {amount} {code}");
        }
    }
}
