//! Formatting of money, dates and instants by the guest's locale. All other text is English.

mod date;
mod locale;
mod money;

pub(crate) use date::{day, day_month, deadline, instant, local_hour, today_in, zone_city};
pub(crate) use locale::{Language, Locale};
pub(crate) use money::{Bounds, amount, amount_example, money, parse_amount};

/// Formats a number with a noun: `1 night`, `2 nights`.
pub(crate) fn count(number: impl Into<i64>, one: &str) -> String {
    render::plural(number.into(), one, None)
}
