//! Random secrets, from the operating system's generator.

use data_encoding::BASE64URL_NOPAD;

/// 32 unpredictable bytes.
pub fn random_bytes() -> [u8; 32] {
    // A thread's generator is a ChaCha stream that the operating system seeds, and reseeds as it goes.
    rand::random()
}

/// A new secret of 256 bits as text that fits into a URL: `prefix`, then 43 characters.
pub fn random_secret(prefix: &str) -> String {
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&random_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, two) = (random_secret("rt_"), random_secret("rt_"));
        assert_eq!(one.len(), 46);
        assert!(one.starts_with("rt_"));
        assert_ne!(one, two);
    }
}
