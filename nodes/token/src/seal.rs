//! Sealed values: what a server tells a client to bring back unchanged and unread (offers, cursors, form seals).

use std::sync::Arc;

use pasetors::keys::SymmetricKey;
use pasetors::version4::V4;
use protocol::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::paseto;

/// A key for one purpose. Cheap to clone.
#[derive(Clone)]
pub struct Seal {
    key: Arc<SymmetricKey<V4>>,
    purpose: Arc<str>,
}

/// Why a sealed value was not handed out as valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError<T> {
    /// Made by us for this purpose, but too old. This is what it said.
    #[error("the seal has expired")]
    Expired(T),
    /// Not made by us for this purpose, or altered, or of another shape.
    #[error("not a valid seal")]
    Invalid,
}

impl<T> SealError<T> {
    /// Whether the seal was good once.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Expired(_))
    }
}

#[derive(Serialize)]
struct Sealed<'a, T: ?Sized> {
    #[serde(skip_serializing_if = "Option::is_none", with = "paseto::rfc3339_option")]
    exp: Option<Timestamp>,
    val: &'a T,
}

#[derive(Deserialize)]
struct Opened<T> {
    #[serde(default, with = "paseto::rfc3339_option")]
    exp: Option<Timestamp>,
    val: T,
}

impl Seal {
    pub(crate) fn new(key: SymmetricKey<V4>, purpose: &str) -> Self {
        Self { key: Arc::new(key), purpose: purpose.into() }
    }

    /// Seals `value` (kept as JSON, so that a later version of its type may still read it) until `expires`, or for
    /// ever.
    ///
    /// # Panics
    /// When `value` cannot be JSON at all (a map with structs as keys, say), or expires after the year 9999: mistakes
    /// in the program.
    pub fn seal<T: Serialize + ?Sized>(&self, value: &T, expires: Option<Timestamp>) -> String {
        let json =
            serde_json::to_vec(&Sealed { exp: expires, val: value }).expect("a value that JSON can hold");
        paseto::encrypt(&self.key, &self.purpose, &json)
    }

    /// Opens what [`Seal::seal`] made.
    ///
    /// # Errors
    /// See [`SealError`]. A seal is expired from the millisecond that was named.
    pub fn open<T: DeserializeOwned>(&self, sealed: &str, now: Timestamp) -> Result<T, SealError<T>> {
        let json = paseto::decrypt(&self.key, &self.purpose, sealed).ok_or(SealError::Invalid)?;
        let opened: Opened<T> = serde_json::from_str(&json).map_err(|_| SealError::Invalid)?;
        match opened.exp {
            Some(expires) if expires <= now => Err(SealError::Expired(opened.val)),
            Some(_) | None => Ok(opened.val),
        }
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({})", self.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClusterKey;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Offer {
        hotel: u128,
        nights: Vec<(i32, i64)>,
        plan: Option<String>,
    }

    fn offer() -> Offer {
        Offer { hotel: u128::MAX - 7, nights: vec![(20_000, 12_345)], plan: Some("Flexible".into()) }
    }

    #[test]
    fn opens_until_the_instant_it_expires_and_then_says_what_it_was() {
        let seal = ClusterKey::random().seal("offers");
        let sealed = seal.seal(&offer(), Some(Timestamp(10_000)));
        assert!(sealed.starts_with("v4.local."));
        assert!(!sealed.contains("Flexible"));
        assert_eq!(seal.open(&sealed, Timestamp(9_999)), Ok(offer()));
        assert_eq!(seal.open(&sealed, Timestamp(10_000)), Err(SealError::Expired(offer())));
        let for_ever = seal.seal(&offer(), None);
        assert_eq!(seal.open(&for_ever, Timestamp(i64::MAX)), Ok(offer()));
    }

    #[test]
    fn nothing_but_its_own_unaltered_seal_opens() {
        let cluster = ClusterKey::random();
        let seal = cluster.seal("offers");
        let good = seal.seal(&offer(), None);
        let body = good.strip_prefix("v4.local.").unwrap();
        let mut flipped = body.as_bytes().to_vec();
        flipped[50] = if flipped[50] == b'A' { b'B' } else { b'A' };
        let table = [
            ("another purpose", cluster.seal("cursors").seal(&offer(), None)),
            ("another cluster", ClusterKey::random().seal("offers").seal(&offer(), None)),
            ("a flipped character", format!("v4.local.{}", String::from_utf8(flipped).unwrap())),
            ("cut short", good[..good.len() - 4].to_owned()),
            ("a footer added", format!("{good}.e30")),
            ("an empty footer added", format!("{good}.")),
            ("another version", format!("v3.local.{body}")),
            ("another kind", format!("v4.public.{body}")),
            ("nothing", String::new()),
            ("header only", "v4.local.".to_owned()),
            ("another shape", seal.seal(&("abc", 1), None)),
        ];
        for (what, sealed) in table {
            assert_eq!(seal.open::<Offer>(&sealed, Timestamp(0)), Err(SealError::Invalid), "{what}");
        }
    }

    #[test]
    fn shows_its_purpose_and_no_key() {
        assert_eq!(format!("{:?}", ClusterKey::random().seal("offers")), "Seal(offers)");
    }
}
