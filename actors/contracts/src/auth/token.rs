//! Access tokens: issue, introspection and revocation.

use protocol::{Access, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Auth, BearerToken, ClientAuthentication};

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The value for `Authorization: Bearer …`.
    pub token: BearerToken,
    pub expires_at: Timestamp,
    /// Sorted.
    pub scopes: Vec<String>,
}

/// Issues a token for a service, valid for 10 minutes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueServiceToken {
    pub service: String,
    /// The subject on whose behalf the service acts, see [`protocol::is_actor`].
    pub on_behalf_of: Option<String>,
    /// A random id for the token: [`access_token_id`](super::access_token_id).
    pub token_id: String,
}
request!(IssueServiceToken, Auth => IssuedToken, Access::services(&["node"]));

/// Issues a token with the client credentials grant (RFC 6749 §4.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueClientToken {
    pub client: ClientAuthentication,
    /// The requested scopes; empty for all scopes of the client.
    pub scopes: Vec<String>,
    /// A random id for the token: [`access_token_id`](super::access_token_id).
    pub token_id: String,
}
request!(IssueClientToken, Auth => IssuedToken, Access::services(&["auth"]));

/// Issues an access token for a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueSessionToken {
    /// The session's id, from its [`SessionGrant`](super::SessionGrant).
    pub session: String,
    /// A subset of the session's scopes; `None` for all of them.
    pub scopes: Option<Vec<String>>,
    /// A random id for the token: [`access_token_id`](super::access_token_id).
    pub token_id: String,
}
request!(IssueSessionToken, Auth => IssuedToken, Access::services(&["auth", "ui"]));

/// The properties of a valid token (RFC 7662 §2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introspection {
    pub scopes: Vec<String>,
    /// The client to which the token was issued.
    pub client_id: String,
    pub subject: String,
    pub expires_at: Timestamp,
    pub issued_at: Timestamp,
    /// The claim `jti` of an access token.
    pub token_id: Option<String>,
    /// The user or guest session on whose behalf a service acts.
    pub on_behalf_of: Option<String>,
    /// Whether the token is a refresh token.
    pub refresh: bool,
}

/// Introspects an access token. The reply is `None` if it is not valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntrospectAccessToken {
    pub client: ClientAuthentication,
    pub token: BearerToken,
}
request!(IntrospectAccessToken, Auth => Option<Introspection>, Access::services(&["auth"]));

/// Introspects a refresh token. The reply is `None` if it is not valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntrospectRefreshToken {
    pub client: ClientAuthentication,
    /// [`refresh_hash`](super::refresh_hash) of the token.
    pub refresh_hash: [u8; 32],
}
request!(IntrospectRefreshToken, Auth => Option<Introspection>, Access::services(&["auth"]));

/// Revokes a refresh token and its session (RFC 7009).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevokeRefreshToken {
    pub client: ClientAuthentication,
    /// [`refresh_hash`](super::refresh_hash) of the token.
    pub refresh_hash: [u8; 32],
}
request!(RevokeRefreshToken, Auth => (), Access::services(&["auth"]));

/// Revokes an access token (RFC 7009). The sender has verified the token; these are its claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevokeAccessToken {
    pub client: ClientAuthentication,
    /// The client to which the token was issued.
    pub issued_to: String,
    /// The claim `jti`.
    pub token_id: String,
    pub expires_at: Timestamp,
}
request!(RevokeAccessToken, Auth => (), Access::services(&["auth"]));

/// Reads the current revocations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetRevocations;
request!(GetRevocations, Auth => RevocationList, Access::services(&["node", "auth"]));

/// The revocations that affect unexpired tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct RevocationList {
    /// Access tokens, by `jti`.
    pub tokens: Vec<String>,
    /// Sessions, by `sid`.
    pub sessions: Vec<String>,
    /// Clients, by id.
    pub clients: Vec<String>,
    /// Subjects and their first valid epochs.
    pub epochs: Vec<(String, u32)>,
}
