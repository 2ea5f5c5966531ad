//! Signing keys.

use protocol::{Access, Timestamp};
use serde::{Deserialize, Serialize};

use super::Auth;
use crate::scope;

/// A signing key that can be stored: the public key, and the secret key sealed with the cluster key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// `k4.pid.…`.
    pub id: String,
    /// `k4.public.…`.
    pub public: String,
    /// The secret key, sealed with the cluster key.
    pub sealed: String,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedKey {
    /// `k4.pid.…`.
    pub id: String,
    /// `k4.public.…`.
    pub public: String,
    /// When the key starts to sign.
    pub active_from: Timestamp,
    /// When the key stops to sign. Tokens that it signed before stay valid.
    pub retired_at: Option<Timestamp>,
}

/// Installs the first signing key of a cluster. Without effect when there is a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstallKey(pub SealedKey);
request!(InstallKey, Auth => (), Access::services(&["node"]));

/// Requests a new signing key. The leader generates it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RotateKeys;
request!(RotateKeys, Auth => (), Access::scopes(&[scope::CLUSTER_MANAGE]));

/// Withdraws a key: all tokens that it signed become invalid. Refused for the only active key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WithdrawKey {
    /// `k4.pid.…`.
    pub id: String,
}
request!(WithdrawKey, Auth => (), Access::scopes(&[scope::CLUSTER_MANAGE]));

/// Reports a key that the leader generated. It becomes active after all nodes have had time to fetch it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyGenerated(pub SealedKey);
request!(KeyGenerated, Auth => (), Access::services(&["auth"]));

/// Lists the trusted public keys, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListKeys;
request!(ListKeys, Auth => Vec<PublishedKey>, Access::ANYONE);
