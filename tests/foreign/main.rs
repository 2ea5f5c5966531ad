//! Servers that nobody here wrote: a bank that speaks Stripe's API (`localstripe`), and a mail server (`aiosmtpd`). `tests/run`
//! installs them under `target/tools`; without them these tests say that they are left out.

mod bank;
mod post;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
