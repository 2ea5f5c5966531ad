//! Sealed values: opaque values that a client returns unchanged (offers, cursors, forms).

use std::sync::Arc;

use pasetors::keys::SymmetricKey;
use pasetors::version4::V4;
use protocol::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::paseto;

/// Seals and opens values for one purpose. Cheap to clone.
#[derive(Clone)]
pub struct Seal {
    key: Arc<SymmetricKey<V4>>,
    purpose: Arc<str>,
}

/// Why a sealed value was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError<T> {
    /// Valid, but expired. Contains the value.
    #[error("the seal has expired")]
    Expired(T),
    /// Not sealed by this cluster for this purpose, altered, or of another type.
    #[error("not a valid seal")]
    Invalid,
}

impl<T> SealError<T> {
    /// Whether the value is valid but expired.
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

    /// Seals `value` until `expires`, or without expiry. The value is encoded as JSON, so that a later version of its
    /// type can still read it.
    ///
    /// # Panics
    /// If `value` cannot be represented in JSON (a map with structs as keys, for example), or expires after the year
    /// 9999. Both are programming errors.
    pub fn seal<T: Serialize + ?Sized>(&self, value: &T, expires: Option<Timestamp>) -> String {
        let json =
            serde_json::to_vec(&Sealed { exp: expires, val: value }).expect("a value that JSON can hold");
        paseto::encrypt(&self.key, &self.purpose, &json)
    }

    /// Opens what [`Seal::seal`] sealed.
    ///
    /// # Errors
    /// See [`SealError`]. The value is expired from the given millisecond on.
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
    fn a_value_opens_until_it_expires_and_is_returned_with_the_error_afterwards() {
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
    fn only_unaltered_values_sealed_by_the_same_seal_open() {
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
    fn debug_prints_the_purpose_and_not_the_key() {
        assert_eq!(format!("{:?}", ClusterKey::random().seal("offers")), "Seal(offers)");
    }
}
