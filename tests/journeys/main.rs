//! Whole journeys over HTTP: the real binary, real stores, real mail files; each in a server of its own.

mod accounts;
mod cards;
mod guest;
mod lists;
mod operators;
mod owners;
mod refusals;
mod sign_in;
mod staff;
mod time;
mod webhooks;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A program shared by tests that put values into addresses.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
