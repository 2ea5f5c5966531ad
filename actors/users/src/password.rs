//! Password hashing: argon2id with the crate's defaults (19 MiB, 2 passes; RFC 9106, OWASP).

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

/// The hash of a password as a PHC string. Takes milliseconds: do not call it on an async thread.
///
/// # Panics
/// Never: salt and parameters are of valid sizes.
pub fn hash(password: &str, salt: [u8; 16]) -> String {
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a valid salt");
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.expect("argon2's defaults are valid").to_string()
}

/// Whether the password matches the hash. Takes milliseconds: do not call it on an async thread.
pub fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Takes as long as [`matches`], so that response times do not reveal whether an account exists.
pub fn hash_dummy(password: &str) {
    std::hint::black_box(hash(password, [7; 16]));
}

/// Whether a text is a hash created by [`hash`].
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() <= 256 && text.starts_with("$argon2id$") && PasswordHash::new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_correct_password_matches() {
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
