//! Authorization codes, sessions and refresh tokens.

use protocol::{Access, Timestamp, VariantOf};
use serde::{Deserialize, Serialize};

use super::{Auth, ClientAuthentication, Reply};
use crate::UserId;
use crate::users::Grants;

/// A session of a user at a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionGrant {
    /// The session's id, `ses_…`: the claim `sid` of its access tokens.
    pub session: String,
    pub user: UserId,
    pub client_id: String,
    /// Scopes of its access tokens, sorted.
    pub scopes: Vec<String>,
    /// Hotels (`htl_…`) of which the user is staff, or [`ALL_HOTELS`](crate::ALL_HOTELS).
    pub hotels: Vec<String>,
    /// When the refresh token expires.
    pub refresh_expires_at: Timestamp,
}

/// The reply when a code or refresh token was used before: the session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReused;

/// The reply to [`ExchangeCode`] and [`RefreshSession`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenExchangeReply {
    Granted(SessionGrant),
    Reused,
}

impl From<TokenExchangeReply> for Reply {
    fn from(reply: TokenExchangeReply) -> Self {
        match reply {
            TokenExchangeReply::Granted(grant) => Self::Granted(grant),
            TokenExchangeReply::Reused => Self::Reused(TokenReused),
        }
    }
}

impl VariantOf<Reply> for TokenExchangeReply {
    fn from_message(message: Reply) -> Option<Self> {
        match message {
            Reply::Granted(grant) => Some(Self::Granted(grant)),
            Reply::Reused(TokenReused) => Some(Self::Reused),
            Reply::Done(())
            | Reply::Client(_)
            | Reply::DeviceStarted(_)
            | Reply::Pending(_)
            | Reply::Counted(_) => None,
        }
    }
}

/// Issues an authorization code after a user has signed in and consented. The code is valid for 60 seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueAuthorizationCode {
    /// [`code_hash`](super::code_hash) of the code.
    pub code_hash: [u8; 32],
    pub client_id: String,
    /// As in the authorization request; empty when the request did not contain it.
    pub redirect_uri: String,
    /// The S256 code challenge (RFC 7636 §4.2).
    pub challenge: String,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The grants of the user who consented, from `users`.
    pub grants: Grants,
}
request!(IssueAuthorizationCode, Auth => (), Access::services(&["auth"]));

/// Exchanges an authorization code for a session (RFC 6749 §4.1.3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExchangeCode {
    pub client: ClientAuthentication,
    /// [`code_hash`](super::code_hash) of the code.
    pub code_hash: [u8; 32],
    /// Must be the same as in the authorization request.
    pub redirect_uri: String,
    /// The S256 code challenge, computed from the client's code verifier (RFC 7636 §4.6).
    pub challenge: String,
    /// [`refresh_hash`](super::refresh_hash) of the session's first refresh token.
    pub refresh_hash: [u8; 32],
}
request!(ExchangeCode, Auth => TokenExchangeReply, Access::services(&["auth"]));

/// Starts a session of a user who has signed in at the Booking UI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartSession {
    /// From `users`.
    pub grants: Grants,
    /// A subset of the granted scopes; `None` for all of them.
    pub scopes: Option<Vec<String>>,
    /// [`refresh_hash`](super::refresh_hash) of the session's first refresh token.
    pub refresh_hash: [u8; 32],
}
request!(StartSession, Auth => SessionGrant, Access::services(&["auth", "ui"]));

/// Exchanges a refresh token for the next one (RFC 6749 §6). Within 10 seconds, the same token can be exchanged again (by
/// a second tab, or after a lost response). Later reuse ends the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefreshSession {
    /// For the UI: [`ClientAuthentication::ui`].
    pub client: ClientAuthentication,
    /// [`refresh_hash`](super::refresh_hash) of the used token.
    pub old_hash: [u8; 32],
    /// [`refresh_hash`](super::refresh_hash) of the next token.
    pub new_hash: [u8; 32],
    /// Scopes of the next access token; `None` for those of the session.
    pub scopes: Option<Vec<String>>,
}
request!(RefreshSession, Auth => TokenExchangeReply, Access::services(&["auth", "ui"]));

/// Ends a session of the Booking UI. Succeeds if there is no such session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndSession {
    /// [`refresh_hash`](super::refresh_hash) of the session's refresh token.
    pub refresh_hash: [u8; 32],
}
request!(EndSession, Auth => (), Access::services(&["auth", "ui"]));

/// Reports that a user's password, roles or account changed. Sessions and tokens of earlier epochs become invalid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserChanged {
    pub user: UserId,
    /// The first valid epoch.
    pub epoch: u32,
}
request!(UserChanged, Auth => (), Access::services(&["users"]));

/// Invalidates all sessions that started until now. Sent after a restore, because sessions in the backup may have ended
/// since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndAllSessions;
request!(EndAllSessions, Auth => (), Access::services(&["setup"]));
