//! End-to-end tests over HTTP with the real binary, real stores and real mail files. Each test has its own server.

mod accounts;
mod administrators;
mod cards;
mod connections;
mod guest;
mod lists;
mod operators;
mod owners;
mod prices;
mod refusals;
mod settings;
mod sign_in;
mod staff;
mod time;
mod webhooks;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a JSON string: {value}"))
}

/// Percent-encodes a value for a URL.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
