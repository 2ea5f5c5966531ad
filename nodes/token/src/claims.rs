//! Claims of an access token.

use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

use crate::paseto;

/// Audience of all access tokens: every service of the cluster.
pub const AUDIENCE: &str = "auberge";

/// Claims of an access token. Timestamps are milliseconds in memory and RFC 3339 in the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: the public URL.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Subject: `usr_…`, a client id, or `svc:NAME`.
    #[serde(rename = "sub")]
    pub subject: String,
    /// Audience: [`AUDIENCE`].
    #[serde(rename = "aud")]
    pub audience: String,
    /// Time of issue.
    #[serde(rename = "iat", with = "paseto::rfc3339")]
    pub issued_at: Timestamp,
    /// Start of validity.
    #[serde(rename = "nbf", with = "paseto::rfc3339")]
    pub not_before: Timestamp,
    /// End of validity, exclusive.
    #[serde(rename = "exp", with = "paseto::rfc3339")]
    pub expires_at: Timestamp,
    /// Id of the token, used to revoke it.
    #[serde(rename = "jti")]
    pub token_id: String,
    /// OAuth client that the token was issued to.
    pub client_id: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// Subject on whose behalf a service acts.
    #[serde(rename = "obo", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Ids of the resources that the token names. Services decide which scopes need them, and what `*` means.
    #[serde(rename = "hotels", default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Epoch of the subject at the time of issue. The token is revoked once the subject has a later epoch.
    #[serde(default)]
    pub epoch: u32,
    /// Refresh-token family (session) of the token. Revoking the family revokes the token.
    #[serde(rename = "sid", default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

impl Claims {
    /// The scopes, sorted, without duplicates.
    pub fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<String> = self.scope.split_ascii_whitespace().map(str::to_owned).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// The principal that these claims describe.
    pub fn principal(&self) -> Principal {
        Principal {
            subject: self.subject.clone(),
            client_id: self.client_id.clone(),
            scopes: self.scopes(),
            on_behalf_of: self.on_behalf_of.clone(),
            resources: self.resources.clone(),
        }
    }
}
