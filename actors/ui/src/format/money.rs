//! Formatting of amounts with their currency.

use contracts::{Currency, Money};

use super::{Language, Locale};

const NARROW: &str = "\u{202f}";
const NO_BREAK: &str = "\u{a0}";

/// Formats an amount: `€1,234.50`, `1.234,50 €`, `1 234,50 €`.
pub(crate) fn money(locale: Locale, money: Money) -> String {
    let digits = render::minor_digits(money.currency.code()).unwrap_or(2);
    let (thousands, point) = separators(locale);
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

/// The separators of thousands and of decimals.
fn separators(locale: Locale) -> (&'static str, char) {
    match locale.language {
        Language::English => (",", '.'),
        Language::German | Language::Italian | Language::Dutch | Language::Spanish => (".", ','),
        Language::French => (NARROW, ','),
    }
}

/// An amount in minor units that was entered with any number of decimals: prices of at least and of at most this amount.
/// The two differ if the currency has fewer decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub at_least: i64,
    pub at_most: i64,
}

/// The longest number that is parsed, in digits.
const DIGITS_MAX: usize = 15;

/// Parses an amount as a guest enters it, with or without currency and thousands separators: `200.50`, `1.200,50 €`,
/// `CHF 1'200`. Where a single separator can be read in two ways (`1.200`), the locale decides. `digits` is the number of
/// decimals of the currency.
pub(crate) fn parse_amount(locale: Locale, text: &str, digits: u32) -> Option<Bounds> {
    let compact: String =
        text.chars().filter(|letter| !letter.is_whitespace() && !"'’".contains(*letter)).collect();
    let symbol = |letter: char| !letter.is_ascii_digit() && !"+-−.,".contains(letter);
    let number = compact.trim_matches(symbol);
    let (whole, decimals) = match decimal_separator(locale, number) {
        Some(at) => (&number[..at], &number[at + 1..]),
        None => (number, ""),
    };
    let whole = ungrouped(whole)?;
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_empty = whole.is_empty() && decimals.is_empty();
    if is_empty || !digits_only(decimals) || whole.len() + decimals.len() > DIGITS_MAX {
        return None;
    }
    let kept = decimals.len().min(digits as usize);
    let minor = format!("{whole}{:0<width$}", &decimals[..kept], width = digits as usize);
    let at_most: i64 = if minor.is_empty() { 0 } else { minor.parse().ok()? };
    let more = decimals[kept..].bytes().any(|digit| digit != b'0');
    Some(Bounds { at_least: at_most + i64::from(more), at_most })
}

/// Where the decimals of a number begin.
fn decimal_separator(locale: Locale, number: &str) -> Option<usize> {
    let last = number.rfind(['.', ','])?;
    let separator = number[last..].chars().next()?;
    let count = number.matches(['.', ',']).count();
    let same = number.matches(separator).count();
    let point = separators(locale).1;
    let is_decimal = match (count, same) {
        (1, _) => {
            let grouped = number.len() - last == 4 && (1..=3).contains(&last) && !number.starts_with('0');
            separator == point || !grouped
        }
        // `1,200.50`: the last separator occurs once. `1.200.000`: it groups.
        (_, same) => same == 1,
    };
    is_decimal.then_some(last)
}

/// The digits of a whole number, with or without separators between groups of three.
fn ungrouped(text: &str) -> Option<String> {
    let mut groups = text.split(['.', ',']);
    let mut digits = groups.next()?.to_owned();
    let first = digits.len();
    for group in groups {
        if group.len() != 3 || !(1..=3).contains(&first) {
            return None;
        }
        digits.push_str(group);
    }
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

/// An amount as it can be entered: `200.50`.
pub(crate) fn amount_example(locale: Locale, digits: u32) -> String {
    let decimals = format!("{:0<width$}", "5", width = digits as usize);
    if digits == 0 { "200".to_owned() } else { format!("200{}{decimals}", separators(locale).1) }
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

    #[test]
    fn amounts_are_parsed_as_they_are_entered_in_each_language() {
        let table = [
            ("en", "200.50", 2, Some(20_050)),
            ("en", "200,50", 2, Some(20_050)),
            ("de", "200,50", 2, Some(20_050)),
            ("de", "200.50", 2, Some(20_050)),
            ("en", "200", 2, Some(20_000)),
            ("en", "200.", 2, Some(20_000)),
            ("en", ".5", 2, Some(50)),
            ("en", "0.5", 2, Some(50)),
            ("en", "1,200.50", 2, Some(120_050)),
            ("en", "1.200,50", 2, Some(120_050)),
            ("de", "1.200,50 €", 2, Some(120_050)),
            ("fr", "1\u{202f}200,50\u{a0}€", 2, Some(120_050)),
            ("de", "CHF 1’200.50", 2, Some(120_050)),
            ("en", "$1,234,567", 2, Some(123_456_700)),
            // One separator before three digits: the locale decides.
            ("en", "1,200", 2, Some(120_000)),
            ("en", "94.760", 3, Some(94_760)),
            ("de", "1.200", 2, Some(120_000)),
            ("de", "94,760", 3, Some(94_760)),
            ("de", "0.500", 2, Some(50)),
            ("en", "10000", 0, Some(10_000)),
            ("en", "200.00", 0, Some(200)),
            ("en", "200.500", 2, Some(20_050)),
            ("en", "", 2, None),
            ("en", "€", 2, None),
            ("en", ".", 2, None),
            ("en", "cheap", 2, None),
            ("en", "-5", 2, None),
            ("en", "1,20,000.5", 2, None),
            ("en", "1.2.3", 2, None),
            ("en", "12 EUR 50", 2, None),
            ("en", "1e3", 2, None),
            ("en", "9999999999999999", 2, None),
        ];
        for (tag, text, digits, expected) in table {
            let found = parse_amount(Locale::accepted(tag), text, digits);
            let exact = expected.map(|amount| Bounds { at_least: amount, at_most: amount });
            assert_eq!(found, exact, "{tag} {text}");
        }
        // More decimals than the currency has: no price lies in between.
        let found = parse_amount(Locale::DEFAULT, "200.505", 2);
        assert_eq!(found, Some(Bounds { at_least: 20_051, at_most: 20_050 }));
        assert_eq!(amount_example(Locale::accepted("de"), 3), "200,500");
        assert_eq!(amount_example(Locale::DEFAULT, 0), "200");
    }
}
