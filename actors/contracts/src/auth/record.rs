//! What messages to and from `auth` carry.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::BearerToken;
use crate::UserId;
use crate::users::Grants;

/// A signing key as it may be stored: public half, and the secret sealed by the cluster key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// `k4.pid.…`.
    pub id: String,
    /// `k4.public.…`.
    pub public: String,
    /// Sealed: opens with the cluster key only.
    pub sealed: String,
}

/// What an authorization code stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAuthorizationCode {
    /// [`code_hash`](super::code_hash) of the code.
    pub code_hash: [u8; 32],
    /// For which client.
    pub client_id: String,
    /// Where the browser is sent with it, as the request named it; empty when it left that to the registration.
    pub redirect_uri: String,
    /// PKCE: the S256 challenge.
    pub challenge: String,
    /// What was asked for and agreed to.
    pub scopes: Vec<String>,
    /// What `users` said of whoever agreed.
    pub grants: Grants,
}

/// What somebody's session is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionGrant {
    /// The session's id, `ses_…`: the `sid` of its access tokens.
    pub session: String,
    /// Who signed in.
    pub user: UserId,
    /// Where.
    pub client_id: String,
    /// What its access tokens bear, sorted.
    pub scopes: Vec<String>,
    /// Hotels (`htl_…`) that a staff member is bound to.
    pub hotels: Vec<String>,
    /// When the refresh token expires, unless it is spent before.
    pub refresh_expires_at: Timestamp,
}

/// A public key, as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedKey {
    /// `k4.pid.…`.
    pub id: String,
    /// `k4.public.…`.
    pub public: String,
    /// Signs from then on.
    pub active_from: Timestamp,
    /// Signs no more since then, but what it signed is still good.
    pub retired_at: Option<Timestamp>,
}

/// What is revoked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct RevocationList {
    /// Access tokens, by `jti`.
    pub tokens: Vec<String>,
    /// Sessions, by `sid`.
    pub sessions: Vec<String>,
    /// Clients, by id.
    pub clients: Vec<String>,
    /// Subjects and the first epoch that is not void.
    pub epochs: Vec<(String, u32)>,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// What to send as `Authorization: Bearer …`.
    pub token: BearerToken,
    /// Void from.
    pub expires_at: Timestamp,
    /// What it bears, sorted.
    pub scopes: Vec<String>,
}

/// What a token says (RFC 7662 §2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introspection {
    /// Scopes.
    pub scopes: Vec<String>,
    /// Issued to.
    pub client_id: String,
    /// Speaks for.
    pub subject: String,
    /// Void from.
    pub expires_at: Timestamp,
    /// Made when.
    pub issued_at: Timestamp,
    /// `jti`, of access tokens.
    pub token_id: Option<String>,
    /// For whom a service acts.
    pub on_behalf_of: Option<String>,
    /// Whether it is a refresh token.
    pub refresh: bool,
}
