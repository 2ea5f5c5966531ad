//! Secrets on their way: never shown, and hashed before anything of them is stored.

use protocol::codec;
use serde::{Deserialize, Serialize};

/// A bearer token in an answer or a query, neither of which is stored. Does not show itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BearerToken(pub String);

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer")
    }
}

/// What is stored of a refresh token.
pub fn refresh_hash(token: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 refresh token", token)
}

/// What is stored of an authorization code.
pub fn code_hash(code: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 authorization code", code)
}

/// What is stored of a device code.
pub fn device_hash(code: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 device code", code)
}

/// What is stored of a client's secret.
pub fn client_secret_hash(secret: &str) -> [u8; 32] {
    codec::hash_secret("auberge 2026-11-23 client secret", secret)
}

/// The id (`jti`) of an access token, from 128 random bits.
pub fn access_token_id(random: u128) -> String {
    format!("tok_{random:032x}")
}
