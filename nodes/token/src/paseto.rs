//! Thin layer over pasetors: JSON payloads, purposes as implicit assertions.

use pasetors::keys::SymmetricKey;
use pasetors::token::{Local, UntrustedToken};
use pasetors::version4::{LocalToken, V4};
use protocol::Timestamp;

/// Encrypts JSON for a purpose.
pub(crate) fn encrypt(key: &SymmetricKey<V4>, purpose: &str, json: &[u8]) -> String {
    LocalToken::encrypt(key, json, None, Some(purpose.as_bytes()))
        .expect("JSON is never empty, and there is randomness")
}

/// Decrypts what [`encrypt`] produced for the same purpose. `None` for anything else.
pub(crate) fn decrypt(key: &SymmetricKey<V4>, purpose: &str, token: &str) -> Option<String> {
    let untrusted = UntrustedToken::<Local, V4>::try_from(token).ok()?;
    // pasetors does not distinguish an empty footer from no footer. Tokens of this crate have no footer, so exactly
    // three parts.
    if !untrusted.untrusted_footer().is_empty() || token.matches('.').count() != 2 {
        return None;
    }
    let trusted = LocalToken::decrypt(key, &untrusted, None, Some(purpose.as_bytes())).ok()?;
    Some(trusted.payload().to_owned())
}

/// Timestamps as RFC 3339 text, as PASETO requires.
pub(crate) mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Timestamp;

    pub fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_millisecond(at.millis()).map_err(serde::ser::Error::custom)?;
        to.collect_str(&at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let at: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Timestamp(at.as_millisecond()))
    }
}

/// The same for optional timestamps.
pub(crate) mod rfc3339_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Timestamp;

    #[derive(Serialize, Deserialize)]
    struct Instant(#[serde(with = "super::rfc3339")] Timestamp);

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        at.map(Instant).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Instant>::deserialize(from)?.map(|instant| instant.0))
    }
}
