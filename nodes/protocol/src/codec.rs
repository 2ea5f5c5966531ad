//! Encoding of values: one version byte, then bincode. Variants and fields of persisted enums are only appended.

use serde::{Serialize, de::DeserializeOwned};

/// The format version that is written.
pub const FORMAT: u8 = 1;

const CONFIG: bincode::config::Configuration = bincode::config::standard();

/// Why bytes were not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No bytes.
    #[error("the value is empty")]
    Empty,
    /// The bytes have a format version that this program does not support.
    #[error("format version {0} is newer than the supported version {FORMAT}")]
    NewerVersion(u8),
    /// The bytes are no value of the requested type.
    #[error("{0}")]
    Malformed(String),
}

/// Encodes `value` with the format version.
///
/// # Panics
/// When the type of `value` cannot be serialised, such as a map of unknown length: a programming error.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    encode_into(&mut bytes, value);
    bytes
}

/// Appends `value` to `bytes` without a format version, for records that already begin with one.
///
/// # Panics
/// See [`encode`].
pub fn encode_into<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    bincode::serde::encode_into_std_write(value, bytes, CONFIG).expect("a type that serialises");
}

/// Decodes what [`encode`] returned.
///
/// # Errors
/// When the format version is not supported or the bytes are no `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match bytes.split_first() {
        None => Err(DecodeError::Empty),
        Some((&FORMAT, rest)) => decode_prefix(rest).map(|(value, _)| value),
        Some((&version, _)) => Err(DecodeError::NewerVersion(version)),
    }
}

/// Decodes what [`encode_into`] appended. Returns the value and the number of bytes read.
///
/// # Errors
/// When the bytes are no `T`.
pub fn decode_prefix<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), DecodeError> {
    bincode::serde::decode_from_slice(bytes, CONFIG)
        .map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// A 128-bit hash of several parts. Each part is hashed with its length, so that parts cannot run into each other.
/// Ids and digests depend on it: it never changes.
pub fn hash128(parts: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut head = [0; 16];
    head.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(head)
}

/// A one-way hash of a secret with at least 128 bits of entropy, such as a token, to store instead of the secret.
pub fn hash_secret(purpose: &str, secret: &str) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(purpose).update(secret.as_bytes()).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_decode_and_other_bytes_are_refused_with_the_reason() {
        let bytes = encode(&("abc", 7u64));
        assert_eq!(decode::<(String, u64)>(&bytes), Ok(("abc".into(), 7)));
        assert_eq!(decode::<u8>(&[]), Err(DecodeError::Empty));
        assert_eq!(decode::<u8>(&[9, 1]), Err(DecodeError::NewerVersion(9)));
        assert!(matches!(decode::<String>(&[1, 200, 1]), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn the_hash_depends_on_where_parts_end() {
        assert_ne!(hash128(&[b"ab", b"c"]), hash128(&[b"a", b"bc"]));
    }
}
