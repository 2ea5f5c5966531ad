//! Hashes of secrets. Only hashes are stored.

use protocol::codec;
use serde::{Deserialize, Serialize};

/// A bearer token in a query or its reply, which are not stored. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BearerToken(pub String);

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken")
    }
}

/// The hash of a refresh token.
pub fn refresh_hash(token: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 refresh token", token)
}

/// The hash of an authorization code.
pub fn code_hash(code: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 authorization code", code)
}

/// The hash of a device code.
pub fn device_hash(code: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 device code", code)
}

/// The hash of a client secret.
pub fn client_secret_hash(secret: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 client secret", secret)
}

/// The id (`jti`) of an access token, from 128 random bits.
pub fn access_token_id(random: u128) -> String {
    format!("tok_{random:032x}")
}
