//! Random bytes and secrets.

use data_encoding::BASE64URL_NOPAD;

/// Generates 32 unpredictable bytes.
pub fn random_bytes() -> [u8; 32] {
    // The thread-local generator is ChaCha-based, seeded and periodically reseeded by the operating system.
    rand::random()
}

/// Generates a URL-safe secret of 256 bits: `prefix`, then 43 characters.
pub fn random_secret(prefix: &str) -> String {
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&random_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_expected_length_and_differ() {
        let (one, two) = (random_secret("rt_"), random_secret("rt_"));
        assert_eq!(one.len(), 46);
        assert!(one.starts_with("rt_"));
        assert_ne!(one, two);
    }
}
