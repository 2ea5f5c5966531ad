//! Mail addresses.

use lettre::message::Mailbox;

/// Maximum length of an address, by RFC 5321.
const EMAIL_BYTES_MAX: usize = 254;
/// Maximum length of a display name. Longer names are truncated.
const NAME_CHARS_MAX: usize = 128;

/// A display name and a mail address.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Display name. May be empty.
    #[serde(default)]
    pub name: String,
    /// `local@domain`.
    pub email: String,
}

/// The address is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address")]
pub struct AddressError;

/// Addresses are personal data, so `Debug` does not print them.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address")
    }
}

impl Address {
    /// Creates an address from a display name (may be empty) and a mail address, which is validated.
    ///
    /// # Errors
    /// If `email` is not a valid address.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Result<Self, AddressError> {
        let address = Self { name: name.into(), email: email.into() };
        address.mailbox().map(|_| address)
    }

    /// Converts to the library's type. Validated again, since the fields are public.
    pub(crate) fn mailbox(&self) -> Result<Mailbox, AddressError> {
        let plain = |character: char| !character.is_control() && !character.is_whitespace();
        if self.email.len() > EMAIL_BYTES_MAX
            || !self.email.chars().all(plain)
            || self.email.contains(['"', '<', '>'])
        {
            return Err(AddressError);
        }
        let email = self.email.parse().map_err(|_| AddressError)?;
        let name = one_line(&self.name, NAME_CHARS_MAX);
        Ok(Mailbox::new(if name.is_empty() { None } else { Some(name) }, email))
    }
}

/// `text` as one line, without control characters and bidirectional controls, truncated to `chars_max`.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let is_bidi_control =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let cleaned: String = text
        .chars()
        .filter(|character| !is_bidi_control(*character))
        .map(|character| if character.is_control() || character.is_whitespace() { ' ' } else { character })
        .take(chars_max)
        .collect();
    cleaned.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_validated() {
        for email in [
            "a@b.example",
            "first.last+tag@sub.domain.example",
            "o'neil@x.example",
            "ł@b.example",
            "x@localhost",
        ] {
            assert!(Address::new("", email).is_ok(), "{email}");
        }
        for email in [
            "",
            "a",
            "a@",
            "@b.c",
            "a b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "a@b.c,x@y.z",
            "<a@b.c>",
            "\"a b\"@c.d",
            "a@b c.d",
            "a\u{0}@b.c",
        ] {
            assert_eq!(Address::new("", email), Err(AddressError), "{email:?}");
        }
        assert!(Address::new("", format!("{}@b.example", "a".repeat(250))).is_err());
    }

    #[test]
    fn names_are_one_line() {
        assert_eq!(one_line(" Ann\r\nBcc:\tx\u{202e} ", 99), "Ann Bcc: x");
        assert_eq!(one_line("Łukasz", 2), "Łu");
    }

    #[test]
    fn debug_prints_no_address() {
        let address = Address::new("Ann", "ann@b.example").expect("an address");
        assert_eq!(format!("{address:?}"), "Address");
    }
}
