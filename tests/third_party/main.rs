//! Tests against third-party servers: a bank with Stripe's API (`localstripe`), and a mail server (`aiosmtpd`). `tests/run`
//! installs them under `target/tools`; without them these tests are skipped.

mod bank;
mod mail_server;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a JSON string: {value}"))
}
