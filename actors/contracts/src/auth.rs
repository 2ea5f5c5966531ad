//! What may be said to `auth`: clients, sessions, tokens and the keys that sign them.
//!
//! How the Booking UI signs somebody in, without leaving its own pages:
//! 1. it asks `users` [`VerifyPassword`](crate::users::Query::VerifyPassword) with its service token;
//! 2. it draws a refresh token (`token::random_secret("rt_")`), keeps it in a cookie, and sends
//!    [`Command::StartSession`] with [`refresh_hash`] of it: the answer names the session;
//! 3. it asks [`Query::SessionToken`] for an access token of that session, and acts with it, until it expires;
//! 4. it draws the next refresh token, and sends [`Command::Refresh`] with the hashes of the old and the new one;
//! 5. [`Command::EndSession`] signs out.
//!
//! For guests without an account the UI acts with its own service token, on behalf of `gst_…`.

use protocol::{Access, Contract, Route, Timestamp, codec};
use serde::{Deserialize, Serialize};

use crate::users::Grants;
use crate::{UserId, scope};

mod client;
mod record;
mod secret;

pub use client::{ClientAuthentication, ClientKind, ClientProfile, GrantType, NewClient};
pub use record::{
    Introspection, IssuedToken, NewAuthorizationCode, PublishedKey, RevocationList, SealedKey, SessionGrant,
};
pub use secret::{BearerToken, access_token_id, client_secret_hash, code_hash, device_hash, refresh_hash};

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Auth;

/// The client id in the tokens of people who signed in at the Booking UI.
pub const UI_CLIENT: &str = "ui";

/// What changes state. No secret is ever in one: whoever sends it has hashed it before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A new signing key. The first is active at once; a later one after all nodes have had time to hear of it, when
    /// it replaces the one before. From a node (first start): nothing happens when there is a key already.
    InstallKey(SealedKey),
    /// Has the leader make a new signing key, now.
    RotateKeys,
    /// A key is trusted no more, nor anything that it signed. Refused when it is the only active one: rotate first.
    WithdrawKey {
        /// Its id, `k4.pid.…`.
        id: String,
    },
    /// A new OAuth client. Answers [`Reply::Client`].
    CreateClient(NewClient),
    /// A client may do nothing any more, and its tokens are void. Answers [`Reply::Client`].
    RevokeClient {
        /// Which.
        client_id: String,
    },
    /// Somebody has signed in and agreed: a code for a client, for 60 seconds.
    Authorize(NewAuthorizationCode),
    /// A client brings a code back. Answers [`Reply::Granted`] or [`Reply::Reused`].
    Exchange {
        /// Which client, and that it is.
        client: ClientAuthentication,
        /// [`code_hash`] of the code.
        code_hash: [u8; 32],
        /// As in the authorization request.
        redirect_uri: String,
        /// The S256 challenge that the verifier shown by the client yields (RFC 7636 §4.6).
        challenge: String,
        /// [`refresh_hash`] of the refresh token that the client will get.
        refresh_hash: [u8; 32],
    },
    /// Somebody has signed in at one of our own pages. Answers [`Reply::Granted`].
    StartSession {
        /// What `users` said.
        grants: Grants,
        /// Scopes to have, of those; none: all of them.
        scopes: Option<Vec<String>>,
        /// [`refresh_hash`] of the session's first refresh token.
        refresh_hash: [u8; 32],
    },
    /// A refresh token is spent for the next one. Answers [`Reply::Granted`] or [`Reply::Reused`]. Within 10 seconds
    /// the same token may be spent again (a second tab, a lost answer); after that it ends the whole session.
    Refresh {
        /// Which client, and that it is; for the UI [`ClientAuthentication::ui`].
        client: ClientAuthentication,
        /// [`refresh_hash`] of the token that is spent.
        old_hash: [u8; 32],
        /// [`refresh_hash`] of the one that replaces it.
        new_hash: [u8; 32],
        /// Fewer scopes for the access token; none: as before.
        scopes: Option<Vec<String>>,
    },
    /// Signs out. Answers [`Reply::Done`], whether there was such a session or not.
    EndSession {
        /// [`refresh_hash`] of the session's refresh token.
        refresh_hash: [u8; 32],
    },
    /// A client takes a refresh token back (RFC 7009): its session ends.
    RevokeRefresh {
        /// Which client, and that it is.
        client: ClientAuthentication,
        /// [`refresh_hash`] of the token.
        refresh_hash: [u8; 32],
    },
    /// A client takes an access token back (RFC 7009). The token was verified; this is what it said.
    RevokeAccess {
        /// Which client, and that it is.
        client: ClientAuthentication,
        /// The client that the token was issued to.
        issued_to: String,
        /// Its `jti`.
        token_id: String,
        /// When it expires by itself.
        expires_at: Timestamp,
    },
    /// From users: the password, the roles or the account changed. Sessions and tokens of earlier epochs are void.
    UserChanged {
        /// Whose.
        user: UserId,
        /// The epoch that begins.
        epoch: u32,
    },
    /// A device without a browser asks for somebody's agreement (RFC 8628). Answers [`Reply::DeviceStarted`].
    StartDevice {
        /// Which client, and that it is.
        client: ClientAuthentication,
        /// What it asks for; empty: whatever the client may have.
        scopes: Vec<String>,
        /// [`device_hash`] of the device code.
        device_hash: [u8; 32],
        /// The keyed tag of the code that the user types.
        user_code_tag: String,
    },
    /// Somebody has signed in and decided about a device.
    DecideDevice {
        /// The keyed tag of the code that was typed.
        user_code_tag: String,
        /// What `users` said, when they agreed.
        agreed: Option<Grants>,
    },
    /// A device asks whether somebody has decided. Answers [`Reply::Granted`] or [`Reply::Wait`].
    PollDevice {
        /// Which client, and that it is.
        client: ClientAuthentication,
        /// [`device_hash`] of the device code.
        device_hash: [u8; 32],
        /// [`refresh_hash`] of the refresh token that the device will get.
        refresh_hash: [u8; 32],
    },
    /// From this service itself: a key that its leader made.
    KeyGenerated(SealedKey),
    /// A store was restored: what was signed in when the backup was made may have been signed out since. No session that
    /// was started until now can be refreshed.
    EndAllSessions,
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
    /// The client, as it is now.
    Client(ClientProfile),
    /// A session, as it is now. Its access token is had by [`Query::SessionToken`].
    Granted(SessionGrant),
    /// The code or the refresh token had been used before: the session has ended.
    Reused,
    /// A device waits for somebody's decision.
    DeviceStarted {
        /// Until when.
        expires_at: Timestamp,
        /// How long to wait between two polls, in seconds.
        interval_secs: u32,
    },
    /// Nobody has decided about the device yet.
    Wait {
        /// It asked too soon: the interval has grown.
        slow_down: bool,
    },
}

/// The domain's "no". Named as OAuth names it, where OAuth has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// No such client, or not its secret, or revoked: the three are not told apart.
    #[error("unknown client, or wrong credentials")]
    InvalidClient,
    /// The code or token is unknown, expired, or another client's.
    #[error("the grant is not valid: {0}")]
    InvalidGrant(String),
    /// The client may not use this grant type.
    #[error("the client may not use this grant type")]
    UnauthorizedClient,
    /// Nothing of what was asked for may be had.
    #[error("none of these scopes may be granted")]
    InvalidScope,
    /// The client has no such redirect URI.
    #[error("not a redirect URI of this client")]
    InvalidRedirect,
    /// The user said no to the device.
    #[error("access was denied")]
    AccessDenied,
    /// The device waited too long.
    #[error("the device code has expired")]
    ExpiredToken,
    /// Another client has this id.
    #[error("there is a client with this id")]
    ClientExists,
    /// There is none.
    #[error("no such client")]
    NoSuchClient,
    /// There is none, or it has ended.
    #[error("no such session")]
    NoSuchSession,
    /// There is none, or it has expired, or was decided about.
    #[error("no such code")]
    NoSuchDevice,
    /// A field of a new client.
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no signing key yet, or it cannot be opened here.
    #[error("no signing key")]
    NoKey,
    /// There is no such key.
    #[error("no such key")]
    NoSuchKey,
    /// Without it nothing could be signed.
    #[error("this is the only active key: rotate first")]
    LastKey,
    /// No service of this name has tokens.
    #[error("no such service")]
    NoSuchService,
}

/// What may be asked. Queries are not stored; those with secrets in them do not show them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// The public keys that are trusted. Answers [`Answer::Keys`].
    Keys,
    /// What is revoked now. Answers [`Answer::Revocations`].
    Revocations,
    /// One client. Answers [`Answer::Client`].
    Client {
        /// Which.
        client_id: String,
    },
    /// Clients by id. Answers [`Answer::Clients`].
    Clients {
        /// After this id; none: from the start.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// A token of a service, for 10 minutes. For nodes. Answers [`Answer::Token`].
    ServiceToken {
        /// The service's name.
        service: String,
        /// For whom it acts: `usr_…` or `gst_…`.
        on_behalf_of: Option<String>,
        /// A random id for the token: [`access_token_id`].
        token_id: String,
    },
    /// A token of a client in its own name (RFC 6749 §4.4). Answers [`Answer::Token`].
    ClientToken {
        /// Which client, and that it is.
        client: ClientAuthentication,
        /// What it asks for; empty: whatever the client may have.
        scopes: Vec<String>,
        /// A random id for the token: [`access_token_id`].
        token_id: String,
    },
    /// A token of a session. Answers [`Answer::Token`].
    SessionToken {
        /// The session's id, from its [`SessionGrant`].
        session: String,
        /// Fewer scopes; none: the session's.
        scopes: Option<Vec<String>>,
        /// A random id for the token: [`access_token_id`].
        token_id: String,
    },
    /// What an access token says, if it is valid (RFC 7662). Answers [`Answer::Introspection`].
    IntrospectAccess {
        /// Who asks, and that it is.
        client: ClientAuthentication,
        /// The token.
        token: BearerToken,
    },
    /// What a refresh token stands for, if it is valid (RFC 7662). Answers [`Answer::Introspection`].
    IntrospectRefresh {
        /// Who asks, and that it is.
        client: ClientAuthentication,
        /// [`refresh_hash`] of the token.
        refresh_hash: [u8; 32],
    },
    /// The device that waits under a code. Answers [`Answer::Device`].
    Device {
        /// The keyed tag of the code that was typed.
        user_code_tag: String,
    },
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Keys, oldest first.
    Keys(Vec<PublishedKey>),
    /// What is revoked.
    Revocations(RevocationList),
    /// A client.
    Client(ClientProfile),
    /// Clients by id, and whether there are more.
    Clients {
        /// These.
        clients: Vec<ClientProfile>,
        /// More come after the last of these.
        more: bool,
    },
    /// A token.
    Token(IssuedToken),
    /// A valid token, or none.
    Introspection(Option<Introspection>),
    /// Who asks by a device, and for what.
    Device {
        /// The client's name.
        client_name: String,
        /// What it asks for.
        scopes: Vec<String>,
    },
}

impl Contract for Auth {
    const SERVICE: &'static str = "auth";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(_: &Command) -> Route {
        Route::SINGLE
    }

    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }

    fn command_access(command: &Command) -> Access {
        match command {
            Command::InstallKey(_) => Access::services(&["node"]),
            Command::RotateKeys | Command::WithdrawKey { .. } => Access::scopes(&[scope::CLUSTER_MANAGE]),
            Command::CreateClient(_) => Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["node"]),
            Command::RevokeClient { .. } => Access::scopes(&[scope::CLUSTER_MANAGE]),
            Command::Authorize(_)
            | Command::Exchange { .. }
            | Command::RevokeRefresh { .. }
            | Command::RevokeAccess { .. }
            | Command::StartDevice { .. }
            | Command::PollDevice { .. }
            | Command::KeyGenerated(_) => Access::services(&["auth"]),
            Command::StartSession { .. }
            | Command::Refresh { .. }
            | Command::EndSession { .. }
            | Command::DecideDevice { .. } => Access::services(&["auth", "ui"]),
            Command::EndAllSessions => Access::services(&["setup"]),
            Command::UserChanged { .. } => Access::services(&["users"]),
        }
    }

    fn query_access(query: &Query) -> Access {
        match query {
            Query::Keys => Access::ANYONE,
            Query::Revocations => Access::services(&["node", "auth"]),
            Query::Client { .. } => {
                Access::scopes(&[scope::CLUSTER_MANAGE, scope::CLUSTER_READ]).or_services(&["auth", "ui"])
            }
            Query::Clients { .. } => Access::scopes(&[scope::CLUSTER_MANAGE, scope::CLUSTER_READ]),
            Query::ServiceToken { .. } => Access::services(&["node"]),
            Query::ClientToken { .. } | Query::IntrospectAccess { .. } | Query::IntrospectRefresh { .. } => {
                Access::services(&["auth"])
            }
            Query::SessionToken { .. } | Query::Device { .. } => Access::services(&["auth", "ui"]),
        }
    }
}

/// A stream of messages about one user, for those who send them in order.
pub fn user_key(user: UserId) -> u128 {
    codec::hash128(&[b"user", &user.0.to_be_bytes()])
}
