//! Filters that all templates have, based on the plain functions of this crate.

use minijinja::{Environment, Error, ErrorKind, Value, value::Kwargs};

use crate::dates::{DateStyle, format_date, format_instant};
use crate::money::format_money;

/// Adds `money`, `date`, `datetime` and `plural`.
pub(crate) fn install(environment: &mut Environment<'_>) {
    environment.add_filter("money", money);
    environment.add_filter("date", date);
    environment.add_filter("datetime", datetime);
    environment.add_filter("plural", plural);
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// `{{ total|money }}` for `{"amount", "currency"}`, or `{{ line.amount|money(total.currency) }}`.
fn money(value: &Value, currency: Option<&str>) -> Result<String, Error> {
    let usage = "money needs {\"amount\": minor units, \"currency\": \"EUR\"}, or a number and a currency";
    let (amount, currency) = match currency {
        Some(currency) if value.is_integer() => (value.clone(), currency.to_owned()),
        Some(currency) => (value.get_attr("amount").map_err(|_| invalid(usage))?, currency.to_owned()),
        None => {
            let currency = value.get_attr("currency").map_err(|_| invalid(usage))?;
            let currency = currency.as_str().ok_or_else(|| invalid(usage))?.to_owned();
            (value.get_attr("amount").map_err(|_| invalid(usage))?, currency)
        }
    };
    let amount = amount.as_i64().filter(|_| amount.is_integer()).ok_or_else(|| invalid(usage))?;
    format_money(amount, &currency).ok_or_else(|| invalid("money: unknown currency"))
}

fn style(name: Option<&str>, otherwise: DateStyle) -> Result<DateStyle, Error> {
    let unknown = || invalid("the date style must be short, medium, long or iso");
    name.map_or(Ok(otherwise), |name| DateStyle::of_name(name).ok_or_else(unknown))
}

/// `{{ check_in|date }}`, `{{ check_in|date("long") }}`.
fn date(value: &str, name: Option<&str>) -> Result<String, Error> {
    format_date(value, style(name, DateStyle::Medium)?)
        .ok_or_else(|| invalid("date needs a date such as 2026-11-23"))
}

/// `{{ issued_at|datetime }}` in UTC, `{{ issued_at|datetime(time_zone) }}`, `…|datetime(time_zone, style="long")`.
fn datetime(value: &Value, zone: Option<&str>, options: Kwargs) -> Result<String, Error> {
    let style = style(options.get("style")?, DateStyle::Short)?;
    options.assert_all_used()?;
    let instant =
        if value.is_integer() { value.to_string() } else { value.as_str().unwrap_or_default().to_owned() };
    format_instant(&instant, zone.unwrap_or("UTC"), style).map_err(|reason| match reason {
        "no such time zone" => invalid("datetime: no such time zone"),
        _ => invalid("datetime needs an RFC 3339 timestamp such as 2026-11-23T15:00:00Z"),
    })
}

/// `{{ nights|plural("night") }}`, `{{ n|plural("child", "children") }}`.
fn plural(count: i64, one: &str, many: Option<&str>) -> String {
    crate::plural::plural(count, one, many)
}
