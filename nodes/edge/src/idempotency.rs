//! Idempotency keys.

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::MetaSchema;

/// `Idempotency-Key`: 1–255 visible ASCII characters. As an argument:
/// `#[oai(name = "Idempotency-Key")] key: Header<Option<edge::IdempotencyKey>>`.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The maximum length, in characters.
    pub const CHARS_MAX: usize = 255;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sound =
            (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sound { Ok(Self(text.to_owned())) } else { Err("must be 1–255 visible ASCII characters") }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

crate::__string_type!(
    IdempotencyKey,
    "idempotency_key",
    MetaSchema {
        description: Some(
            "A unique key for this request. For 24 hours, a request with the same key and body gets the same response."
        ),
        min_length: Some(1),
        max_length: Some(Self::CHARS_MAX),
        pattern: Some("^[!-~]+$".to_owned()),
        ..MetaSchema::new("string")
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_1_to_255_visible_ascii_characters_are_accepted() {
        for good in ["k", "a-b_c:1", &"x".repeat(255)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "ü", "a\n", &"x".repeat(256)] {
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad}");
        }
    }
}
