//! OAuth clients.

use protocol::{Access, Timestamp};
use serde::{Deserialize, Serialize};

use super::Auth;
use crate::scope;

/// The client type (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientKind {
    /// Cannot keep a secret. It uses PKCE.
    Public,
    /// Has a secret.
    Confidential,
}

/// How a client can obtain tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 §4.1, with PKCE.
    AuthorizationCode,
    /// RFC 6749 §6. Requires a grant type with a user.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8628.
    DeviceCode,
}

/// The public properties of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientProfile {
    /// `cli_…`, or a fixed id.
    pub id: String,
    /// The name on the consent page.
    pub name: String,
    pub kind: ClientKind,
    pub redirect_uris: Vec<String>,
    /// All scopes that the client can have, sorted.
    pub scopes: Vec<String>,
    /// Sorted.
    pub grant_types: Vec<GrantType>,
    /// Hotels (`htl_…`) that tokens of the client itself may manage, or only [`ALL_HOTELS`](crate::ALL_HOTELS).
    pub hotels: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// Until when the previous secret stays valid, after a rotation.
    pub overlap_until: Option<Timestamp>,
}

/// The authentication of a client (RFC 6749 §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAuthentication {
    pub client_id: String,
    /// [`client_secret_hash`](super::client_secret_hash) of the secret, if the client sent one.
    pub secret_hash: Option<[u8; 32]>,
}

impl ClientAuthentication {
    /// The Booking UI, which is authenticated by its service token.
    pub fn ui() -> Self {
        Self { client_id: super::UI_CLIENT.to_owned(), secret_hash: None }
    }
}

/// Creates a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateClient {
    /// A fixed id for clients that are created during bootstrap, otherwise `None`. A repeated creation with the same id
    /// and content returns the existing client.
    pub id: Option<String>,
    /// The name on the consent page.
    pub name: String,
    pub kind: ClientKind,
    /// [`client_secret_hash`](super::client_secret_hash) of a confidential client's secret.
    pub secret_hash: Option<[u8; 32]>,
    /// Compared exactly.
    pub redirect_uris: Vec<String>,
    /// All scopes that the client can have.
    pub scopes: Vec<String>,
    pub grant_types: Vec<GrantType>,
    /// Hotels (`htl_…`) that tokens of the client itself may manage, or only [`ALL_HOTELS`](crate::ALL_HOTELS). Without
    /// any, the scope `hotel:manage` is valid for no hotel.
    pub hotels: Vec<String>,
}
request!(
    CreateClient, Auth => ClientProfile,
    Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["node"])
);

/// Replaces the secret of a confidential client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateClientSecret {
    pub client_id: String,
    /// [`client_secret_hash`](super::client_secret_hash) of the new secret.
    pub secret_hash: [u8; 32],
    /// How long the previous secret stays valid, in seconds; at most 30 days.
    pub overlap_secs: u32,
}
request!(
    RotateClientSecret, Auth => ClientProfile,
    Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["node"])
);

/// Revokes a client and its tokens. Refused for the client of the caller, and for the last one that can operate the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevokeClient {
    pub client_id: String,
}
request!(RevokeClient, Auth => ClientProfile, Access::scopes(&[scope::CLUSTER_MANAGE]));

/// Reads one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetClient {
    pub client_id: String,
}
request!(
    GetClient, Auth => ClientProfile,
    Access::scopes(&[scope::CLUSTER_MANAGE, scope::CLUSTER_READ]).or_services(&["auth", "ui"])
);

/// Lists clients by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListClients {
    /// Only ids that sort after this one.
    pub after: Option<String>,
    /// The largest number of clients, 1 to 100.
    pub limit: u32,
}
request!(
    ListClients, Auth => ClientPage,
    Access::scopes(&[scope::CLUSTER_MANAGE, scope::CLUSTER_READ])
);

/// The reply to [`ListClients`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientPage {
    pub clients: Vec<ClientProfile>,
    /// Whether there are clients after the last of these.
    pub more: bool,
}
