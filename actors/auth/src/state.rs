//! What is stored, tree by tree.

use contracts::UserId;
use contracts::auth::{ClientKind, ClientProfile, Grant, GrantType};
use contracts::users::Grants;
use group::Tree;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// Signing keys by id (`k4.pid.…`): one that signs, perhaps one that will, and retired ones whose tokens may be alive.
pub(crate) const KEYS: Tree<String, Key> = Tree::new(32, "keys");

/// Clients by id. Revoked ones stay, so that their ids are never given away again.
pub(crate) const CLIENTS: Tree<String, Client> = Tree::new(33, "clients");

/// Authorization codes by their hash, until they have expired and whatever came of them has too.
pub(crate) const CODES: Tree<[u8; 32], Code> = Tree::new(34, "codes");

/// Sessions (families of refresh tokens) by id; ended ones are gone.
pub(crate) const SESSIONS: Tree<u128, Session> = Tree::new(35, "sessions");

/// Refresh tokens by their hash, live and spent, of sessions that have not ended.
pub(crate) const REFRESH: Tree<[u8; 32], Refresh> = Tree::new(36, "refresh tokens");

/// Sessions by user; ids grow with time, so the first is the oldest.
pub(crate) const USER_SESSIONS: Tree<(UserId, u128), ()> = Tree::new(37, "sessions of users");

/// The first epoch of a user that is not void. A user who never changed is not here.
pub(crate) const EPOCHS: Tree<UserId, u32> = Tree::new(38, "epochs");

/// What is revoked, by kind and id, for as long as access tokens that it concerns may be alive.
pub(crate) const REVOKED: Tree<(u8, String), Revoked> = Tree::new(39, "revoked");

/// Under 0: sessions that were started until then are void.
pub(crate) const VOID_UNTIL: Tree<u8, Timestamp> = Tree::new(43, "void until");

/// Devices that wait, by the hash of their device code.
pub(crate) const DEVICES: Tree<[u8; 32], Device> = Tree::new(40, "devices");

/// The device that waits under the keyed tag of a code that a user types.
pub(crate) const DEVICE_CODES: Tree<String, [u8; 32]> = Tree::new(41, "device codes");

/// Devices that wait, by client: to count them.
pub(crate) const CLIENT_DEVICES: Tree<(String, [u8; 32]), ()> = Tree::new(42, "devices of clients");

/// A signing key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// `k4.public.…`.
    pub public: String,
    /// The secret, sealed by the cluster key.
    pub sealed: String,
    /// Known since.
    pub created_at: Timestamp,
    /// Signs from.
    pub active_from: Timestamp,
    /// Signs until.
    pub retired_at: Option<Timestamp>,
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
}

impl Client {
    /// As others may see it.
    pub fn profile(&self, id: &str) -> ClientProfile {
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
        }
    }
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub client_id: String,
    pub redirect_uri: String,
    pub challenge: String,
    /// Already limited to what client and user may have.
    pub scopes: Vec<String>,
    pub grants: Grants,
    pub expires_at: Timestamp,
    /// The session that came of it.
    pub used: Option<u128>,
}

/// A session: somebody who signed in somewhere, and the chain of refresh tokens since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub user: UserId,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub hotels: Vec<String>,
    pub epoch: u32,
    pub started_at: Timestamp,
    /// When it ends unless a refresh token is used before.
    pub refresh_expires_at: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
    /// Tokens that have not been spent: one, or a few after a race.
    pub live: Vec<[u8; 32]>,
    /// Tokens that have been spent, oldest first; the oldest are forgotten.
    pub spent: Vec<[u8; 32]>,
}

impl Session {
    /// As its client is told.
    pub fn grant(&self, id: u128) -> Grant {
        Grant {
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
pub(crate) struct Refresh {
    pub session: u128,
    /// Made when.
    pub issued_at: Timestamp,
    /// First used when.
    pub spent_at: Option<Timestamp>,
    /// Last used when.
    pub last_spent_at: Option<Timestamp>,
    /// How many tokens it was exchanged for.
    pub successors: u8,
}

/// Something revoked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Revoked {
    /// No token that it concerns is alive from then on.
    pub until: Timestamp,
    /// For users: the first epoch that is not void.
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

/// A device that waits for somebody's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Device {
    pub client_id: String,
    pub scopes: Vec<String>,
    pub user_code_tag: String,
    pub expires_at: Timestamp,
    pub interval_secs: u32,
    pub polled_at: Option<Timestamp>,
    pub decision: Decision,
}

/// What somebody decided about a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Decision {
    /// Nothing yet.
    Pending,
    /// It may have these scopes, for them.
    Agreed(Grants, Vec<String>),
    /// No.
    Denied,
}

/// A session's id as tokens bear it.
pub(crate) fn session_name(id: u128) -> String {
    format!("ses_{id:032x}")
}

/// A session's id, from what tokens bear.
pub(crate) fn session_id(name: &str) -> Option<u128> {
    let digits = name.strip_prefix("ses_").filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok()
}
