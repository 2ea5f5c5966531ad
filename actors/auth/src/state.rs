//! Stored trees.

use contracts::UserId;
use contracts::auth::{
    AttemptRow, ClientAuthentication, ClientKind, ClientProfile, GrantType, Refusal, SessionGrant,
};
use contracts::users::Grants;
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// Signing keys by id (`k4.pid.…`): the active one, possibly an announced one, and retired ones whose tokens may still
/// be valid.
pub(crate) const KEYS: Tree<String, Key> = Tree::new(32, "keys");

/// Clients by id. Revoked clients stay, so that their ids are never reused.
pub(crate) const CLIENTS: Tree<String, Client> = Tree::new(33, "clients");

/// Authorization codes by hash, until the code and the first access token issued for it have expired.
pub(crate) const CODES: Tree<[u8; 32], AuthorizationCode> = Tree::new(34, "authorization codes");

/// Active sessions (families of refresh tokens) by id.
pub(crate) const SESSIONS: Tree<u128, Session> = Tree::new(35, "sessions");

/// Refresh tokens of active sessions by hash, unused and used.
pub(crate) const REFRESH_TOKENS: Tree<[u8; 32], RefreshToken> = Tree::new(36, "refresh tokens");

/// Sessions by user. Ids grow with time, so the first is the oldest.
pub(crate) const USER_SESSIONS: Tree<(UserId, u128), ()> = Tree::new(37, "sessions of users");

/// The first valid epoch of a user. Users without any change have no entry.
pub(crate) const EPOCHS: Tree<UserId, u32> = Tree::new(38, "epochs");

/// Revocations by kind (see [`revoked`]) and id, for as long as an access token that they affect can be valid.
pub(crate) const REVOKED: Tree<(u8, String), Revoked> = Tree::new(39, "revoked");

/// Pending and decided device authorizations by the hash of the device code.
pub(crate) const DEVICES: Tree<[u8; 32], DeviceAuthorization> = Tree::new(40, "device authorizations");

/// Hashes of device codes by the keyed tag of the user code.
pub(crate) const USER_CODES: Tree<String, [u8; 32]> = Tree::new(41, "user codes");

/// Device authorizations by client, to count them.
pub(crate) const CLIENT_DEVICES: Tree<(String, [u8; 32]), ()> =
    Tree::new(42, "device authorizations of clients");

/// Under key 0: sessions started at or before this time cannot be refreshed.
pub(crate) const SESSIONS_REVOKED_UNTIL: Tree<u8, Timestamp> = Tree::new(43, "sessions revoked until");

/// Counters of attempts by keyed hash, until nothing depends on them.
pub(crate) const ATTEMPTS: Tree<u128, AttemptRow> = Tree::new(44, "attempts");

/// Under key 0: the number of rows in [`ATTEMPTS`].
pub(crate) const ATTEMPT_ROWS: Tree<u8, u64> = Tree::new(45, "attempts, counted");

/// A signing key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// `k4.public.…`.
    pub public: String,
    /// The secret key, sealed with the cluster key.
    pub sealed: String,
    pub created_at: Timestamp,
    pub active_from: Timestamp,
    pub retired_at: Option<Timestamp>,
}

impl Key {
    /// Whether the key signs tokens at this time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.active_from <= now && self.retired_at.is_none_or(|at| at > now)
    }
}

/// An OAuth client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Client {
    pub name: String,
    pub kind: ClientKind,
    pub secret_hash: Option<[u8; 32]>,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<String>,
    pub grant_types: Vec<GrantType>,
    pub hotels: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// The secret before the last rotation, while it is valid.
    pub previous_secret: Option<PreviousSecret>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PreviousSecret {
    pub hash: [u8; 32],
    /// When it becomes invalid.
    pub until: Timestamp,
}

impl Client {
    /// The client, if it is not revoked and the authentication is valid.
    pub fn authenticated(
        client: Option<Self>,
        authentication: &ClientAuthentication,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let client = client.filter(|client| client.revoked_at.is_none()).ok_or(Refusal::InvalidClient)?;
        let valid = match client.kind {
            ClientKind::Public => authentication.secret_hash.is_none(),
            // The hashes are of 256 random bits, so the duration of the comparison reveals nothing about the secret.
            ClientKind::Confidential => authentication.secret_hash.is_some_and(|hash| {
                let previous = client.previous_secret.as_ref().filter(|previous| previous.until > now);
                client.secret_hash == Some(hash) || previous.is_some_and(|previous| previous.hash == hash)
            }),
        };
        if valid { Ok(client) } else { Err(Refusal::InvalidClient) }
    }

    /// Refuses a grant type for which the client is not registered.
    pub fn check_grant_type(&self, grant: GrantType) -> Result<(), Refusal> {
        if self.grant_types.contains(&grant) { Ok(()) } else { Err(Refusal::UnauthorizedClient) }
    }

    /// Whether the client itself can operate the cluster.
    pub fn operates_cluster(&self) -> bool {
        self.revoked_at.is_none()
            && self.grant_types.contains(&GrantType::ClientCredentials)
            && self.scopes.iter().any(|scope| scope == contracts::scope::CLUSTER_MANAGE)
    }

    /// The public properties of the client.
    pub fn profile(&self, id: &str, now: Timestamp) -> ClientProfile {
        let previous = self.previous_secret.as_ref().filter(|previous| previous.until > now);
        ClientProfile {
            id: id.to_owned(),
            name: self.name.clone(),
            kind: self.kind,
            redirect_uris: self.redirect_uris.clone(),
            scopes: self.scopes.clone(),
            grant_types: self.grant_types.clone(),
            hotels: self.hotels.clone(),
            created_at: self.created_at,
            revoked_at: self.revoked_at,
            overlap_until: previous.map(|previous| previous.until),
        }
    }
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuthorizationCode {
    pub client_id: String,
    pub redirect_uri: String,
    pub challenge: String,
    /// Already limited to the scopes that both client and user have.
    pub scopes: Vec<String>,
    pub grants: Grants,
    pub expires_at: Timestamp,
    /// The session that was created with the code.
    pub used: Option<u128>,
}

/// A session: a user's sign-in at a client, and its chain of refresh tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub user: UserId,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub hotels: Vec<String>,
    pub epoch: u32,
    pub started_at: Timestamp,
    /// When the session ends unless a refresh token is used before.
    pub refresh_expires_at: Timestamp,
    /// When the session ends in any case.
    pub ends_at: Timestamp,
    /// Hashes of unused refresh tokens: one, or several after concurrent refreshes.
    pub unused: Vec<[u8; 32]>,
    /// Hashes of used refresh tokens, oldest first; the oldest are dropped.
    pub used: Vec<[u8; 32]>,
}

impl Session {
    /// What the client receives about the session.
    pub fn grant(&self, id: u128) -> SessionGrant {
        SessionGrant {
            session: session_name(id),
            user: self.user,
            client_id: self.client_id.clone(),
            scopes: self.scopes.clone(),
            hotels: self.hotels.clone(),
            refresh_expires_at: self.refresh_expires_at,
        }
    }
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub session: u128,
    pub issued_at: Timestamp,
    pub first_used_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// Number of refresh tokens issued in exchange for this one.
    pub successors: u8,
}

impl RefreshToken {
    /// A token that was not used yet.
    pub fn new(session: u128, issued_at: Timestamp) -> Self {
        Self { session, issued_at, first_used_at: None, last_used_at: None, successors: 0 }
    }
}

/// A revocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Revoked {
    /// All affected access tokens have expired at this time.
    pub until: Timestamp,
    /// For users: the first valid epoch.
    pub epoch: u32,
}

/// The kinds of [`REVOKED`].
pub(crate) mod revoked {
    /// Access tokens, by `jti`.
    pub const TOKEN: u8 = 1;
    /// Sessions, by `sid`.
    pub const SESSION: u8 = 2;
    /// Clients, by id.
    pub const CLIENT: u8 = 3;
    /// Users, by id.
    pub const USER: u8 = 4;
}

/// A device authorization (RFC 8628).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeviceAuthorization {
    pub client_id: String,
    pub scopes: Vec<String>,
    pub user_code_tag: String,
    pub expires_at: Timestamp,
    pub interval_secs: u32,
    pub polled_at: Option<Timestamp>,
    pub decision: Decision,
}

/// A user's decision about a device authorization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Decision {
    Pending,
    /// Approved with these scopes.
    Approved(Grants, Vec<String>),
    Denied,
}

/// The name of a session in tokens.
pub(crate) fn session_name(id: u128) -> String {
    format!("ses_{id:032x}")
}

/// The session id from its name in tokens.
pub(crate) fn session_id(name: &str) -> Option<u128> {
    let digits = name.strip_prefix("ses_").filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok()
}
