//! OAuth clients.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a client can keep a secret (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientKind {
    /// Runs where its users can look inside: it has no secret, and proves itself by PKCE.
    Public,
    /// Has a secret.
    Confidential,
}

/// How a client may come by tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 §4.1, with PKCE.
    AuthorizationCode,
    /// RFC 6749 §6. Comes with the ones that have a user.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8628.
    DeviceCode,
}

/// A client to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewClient {
    /// A fixed id, for the clients that a cluster makes at its first start; else none. A second creation under the same
    /// id with the same content finds the first.
    pub id: Option<String>,
    /// What people are shown when they are asked to agree.
    pub name: String,
    /// Public or confidential.
    pub kind: ClientKind,
    /// [`client_secret_hash`](super::client_secret_hash) of a confidential client's secret.
    pub secret_hash: Option<[u8; 32]>,
    /// Where browsers may be sent back to, compared to the character.
    pub redirect_uris: Vec<String>,
    /// The most that it can have.
    pub scopes: Vec<String>,
    /// How it may come by tokens.
    pub grant_types: Vec<GrantType>,
    /// Hotels (`htl_…`) that its own tokens are bound to; none: unbound.
    pub hotels: Vec<String>,
}

/// A client as others see it: without its secret's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientProfile {
    /// `cli_…`, or a fixed id.
    pub id: String,
    /// What people are shown when they are asked to agree.
    pub name: String,
    /// Public or confidential.
    pub kind: ClientKind,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The most that it can have, sorted.
    pub scopes: Vec<String>,
    /// How it may come by tokens, sorted.
    pub grant_types: Vec<GrantType>,
    /// Hotels that its own tokens are bound to.
    pub hotels: Vec<String>,
    /// Made when.
    pub created_at: Timestamp,
    /// Void since.
    pub revoked_at: Option<Timestamp>,
}

/// Which client, and how it proves that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAuthentication {
    /// Its id.
    pub client_id: String,
    /// [`client_secret_hash`](super::client_secret_hash) of the secret that it showed, if any.
    pub secret_hash: Option<[u8; 32]>,
}

impl ClientAuthentication {
    /// The Booking UI, which proves itself by its service token.
    pub fn ui() -> Self {
        Self { client_id: super::UI_CLIENT.to_owned(), secret_hash: None }
    }
}
