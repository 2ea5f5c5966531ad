//! Passwords: argon2id with the crate's defaults (19 MiB, 2 passes; RFC 9106, OWASP).

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

/// The hash of a password, in PHC form. Takes milliseconds: not on an async thread.
///
/// # Panics
/// Never: salt and parameters are of valid sizes.
pub fn hash(password: &str, salt: [u8; 16]) -> String {
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a valid salt");
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.expect("argon2's defaults are valid").to_string()
}

/// Whether this is the password of a hash. Takes milliseconds: not on an async thread.
pub fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Spends the time of a check where there is no account, so that the two cannot be told apart.
pub fn pretend(password: &str) {
    std::hint::black_box(hash(password, [7; 16]));
}

/// Whether a text is such a hash: what is stored is checked before it is proposed to, not after.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() <= 256 && text.starts_with("$argon2id$") && PasswordHash::new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_matches() {
        let hash = hash("correct horse", [1; 16]);
        assert!(is_hash(&hash));
        assert!(matches("correct horse", &hash));
        for (password, hash) in
            [("correct Horse", hash.as_str()), ("", &hash), ("correct horse", "correct horse"), ("x", "")]
        {
            assert!(!matches(password, hash));
        }
        assert!(!is_hash("correct horse"));
    }
}
