//! The contract of `auth`: OAuth clients, sessions, tokens and the keys that sign them.
//!
//! How the Booking UI signs a user in on its own pages:
//! 1. it verifies the password with [`users::VerifyPassword`](crate::users::VerifyPassword) and its service token;
//! 2. it generates a refresh token (`token::random_secret("rt_")`), stores it in a cookie, and sends [`StartSession`]
//!    with its [`refresh_hash`]; the reply contains the session's id;
//! 3. it requests an access token with [`IssueSessionToken`] and uses it until it expires;
//! 4. to refresh, it generates the next refresh token and sends [`RefreshSession`] with the hashes of both;
//! 5. [`EndSession`] signs the user out.
//!
//! For guests without an account, the UI acts with its own service token on behalf of `gst_…`.

use protocol::codec;
use serde::{Deserialize, Serialize};

use crate::UserId;

mod attempt;
mod client;
mod device;
mod key;
mod secret;
mod session;
#[cfg(test)]
mod tests;
mod token;

pub use attempt::{
    AttemptCounted, AttemptCounter, AttemptRow, AttemptRule, AttemptSucceeded, CountAttempt, count_attempt,
    take_back_attempt,
};
pub use client::{
    ClientAuthentication, ClientKind, ClientPage, ClientProfile, CreateClient, GetClient, GrantType,
    ListClients, RevokeClient, RotateClientSecret,
};
pub use device::{
    AuthorizationPending, DecideDeviceAuthorization, DevicePollReply, GetDeviceAuthorization, PendingDevice,
    PollDeviceAuthorization, StartDeviceAuthorization, StartedDeviceAuthorization,
};
pub use key::{InstallKey, KeyGenerated, ListKeys, PublishedKey, RotateKeys, SealedKey, WithdrawKey};
pub use secret::{BearerToken, access_token_id, client_secret_hash, code_hash, device_hash, refresh_hash};
pub use session::{
    EndAllSessions, EndSession, ExchangeCode, IssueAuthorizationCode, RefreshSession, SessionGrant,
    StartSession, TokenExchangeReply, TokenReused, UserChanged,
};
pub use token::{
    GetRevocations, IntrospectAccessToken, IntrospectRefreshToken, Introspection, IssueClientToken,
    IssueServiceToken, IssueSessionToken, IssuedToken, RevocationList, RevokeAccessToken, RevokeRefreshToken,
};

/// The client id in tokens of users who signed in at the Booking UI.
pub const UI_CLIENT: &str = "ui";

/// A domain refusal, with the name of the OAuth error where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The client is unknown or revoked, or its secret is wrong. The refusal does not reveal which.
    #[error("client authentication failed")]
    InvalidClient,
    /// The code or token is unknown, expired, used, or was issued to another client.
    #[error("the grant is invalid: {0}")]
    InvalidGrant(String),
    /// The client is not registered for this grant type.
    #[error("the client is not authorized to use this grant type")]
    UnauthorizedClient,
    /// None of the requested scopes can be granted.
    #[error("none of the requested scopes can be granted")]
    InvalidScope,
    /// The redirect URI is not registered for the client.
    #[error("the redirect URI is not registered for the client")]
    InvalidRedirect,
    /// The user denied the device authorization.
    #[error("access was denied")]
    AccessDenied,
    /// The device code has expired.
    #[error("the device code has expired")]
    ExpiredToken,
    /// A client with this id and other properties exists.
    #[error("a client with this id exists")]
    ClientExists,
    /// The client does not exist.
    #[error("no such client")]
    NoSuchClient,
    /// The session does not exist or has ended.
    #[error("no such session")]
    NoSuchSession,
    /// The user code is unknown, expired, or was decided before.
    #[error("no such user code")]
    NoSuchDevice,
    /// A field of a new client is invalid.
    #[error("{field}: {why}")]
    Invalid { field: String, why: String },
    /// There is no signing key, or this replica cannot open it.
    #[error("no signing key")]
    NoKey,
    /// The key does not exist.
    #[error("no such key")]
    NoSuchKey,
    /// The only active key cannot be withdrawn.
    #[error("this is the only active key: rotate keys first")]
    LastKey,
    /// The service does not exist or has no tokens.
    #[error("no such service")]
    NoSuchService,
    /// The attempt can be made after this number of seconds.
    #[error("too many attempts")]
    TooManyAttempts(u32),
    /// The client is revoked.
    #[error("the client is revoked")]
    ClientRevoked,
    /// A public client has no secret.
    #[error("the client is public and has no secret")]
    NoSecret,
    /// A caller cannot revoke the client that its token was issued to.
    #[error("a client cannot revoke itself")]
    OwnClient,
    /// The only client that can operate the cluster cannot be revoked.
    #[error("this is the last client that can operate the cluster")]
    LastOperator,
}

protocol::contract! {
    /// The service `auth`.
    pub struct Auth = "auth";
    refusal Refusal;

    /// Commands, stored by position. Commands contain hashes of secrets only.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command {
        InstallKey,
        RotateKeys,
        WithdrawKey,
        CreateClient,
        RevokeClient,
        IssueAuthorizationCode,
        ExchangeCode,
        StartSession,
        RefreshSession,
        EndSession,
        RevokeRefreshToken,
        RevokeAccessToken,
        UserChanged,
        StartDeviceAuthorization,
        DecideDeviceAuthorization,
        PollDeviceAuthorization,
        KeyGenerated,
        EndAllSessions,
        CountAttempt,
        AttemptSucceeded,
        RotateClientSecret,
    }

    /// Replies to commands, stored by position.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply {
        Done(()),
        Client(ClientProfile),
        Granted(SessionGrant),
        Reused(TokenReused),
        DeviceStarted(StartedDeviceAuthorization),
        Pending(AuthorizationPending),
        Counted(AttemptCounted),
    }

    /// Queries. They are not stored; `Debug` does not show secrets.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Query {
        ListKeys,
        GetRevocations,
        GetClient,
        ListClients,
        IssueServiceToken,
        IssueClientToken,
        IssueSessionToken,
        IntrospectAccessToken,
        IntrospectRefreshToken,
        GetDeviceAuthorization,
    }

    /// Replies to queries.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer {
        Keys(Vec<PublishedKey>),
        Revocations(RevocationList),
        Client(ClientProfile),
        Clients(ClientPage),
        Token(IssuedToken),
        Introspection(Option<Introspection>),
        Device(PendingDevice),
    }
}

/// The outbox key of messages about a user, which keeps them in order.
pub fn user_key(user: UserId) -> u128 {
    codec::hash128(&[b"user", &user.0.to_be_bytes()])
}
