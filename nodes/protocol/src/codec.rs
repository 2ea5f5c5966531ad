//! How values become bytes: one version byte, then bincode. Persisted enums only grow at their end.

use serde::{Serialize, de::DeserializeOwned};

/// The version written today. A reader knows every version up to it.
pub const FORMAT: u8 = 1;

const CONFIG: bincode::config::Configuration = bincode::config::standard();

/// Bytes that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing where a value should be.
    #[error("an empty value")]
    Empty,
    /// Written by a newer program.
    #[error("format version {0}, newer than {FORMAT}: was this written by a newer program?")]
    Newer(u8),
    /// Bytes that do not decode.
    #[error("{0}")]
    Garbled(String),
}

/// The bytes of `value`, version first.
///
/// # Panics
/// When `value` cannot be serialised at all (a map without a length, say): a mistake in its type, not in its data.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    append(&mut bytes, value);
    bytes
}

/// Appends `value` to `bytes` without a version of its own: for the inside of a record that has one.
///
/// # Panics
/// As [`encode`].
pub fn append<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    bincode::serde::encode_into_std_write(value, bytes, CONFIG).expect("a type that serialises");
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// When the bytes are of a newer format or are no `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        None => Err(Unreadable::Empty),
        Some((&FORMAT, rest)) => take(rest).map(|(value, _)| value),
        Some((&version, _)) => Err(Unreadable::Newer(version)),
    }
}

/// Reads what [`append`] wrote, and says how many bytes that took.
///
/// # Errors
/// When the bytes are no `T`.
pub fn take<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), Unreadable> {
    bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|error| Unreadable::Garbled(error.to_string()))
}

/// A stable 128-bit hash of several parts, each with its length: ids and digests, the same on every machine for ever.
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

/// A one-way hash of a secret with 128 bits or more of entropy (a token, a link), to be stored in its place.
pub fn hash_secret(purpose: &str, secret: &str) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(purpose).update(secret.as_bytes()).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_names_what_it_cannot_read() {
        let bytes = encode(&("abc", 7u64));
        assert_eq!(decode::<(String, u64)>(&bytes), Ok(("abc".into(), 7)));
        assert_eq!(decode::<u8>(&[]), Err(Unreadable::Empty));
        assert_eq!(decode::<u8>(&[9, 1]), Err(Unreadable::Newer(9)));
        assert!(matches!(decode::<String>(&[1, 200, 1]), Err(Unreadable::Garbled(_))));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash128(&[b"ab", b"c"]), hash128(&[b"a", b"bc"]));
    }
}
