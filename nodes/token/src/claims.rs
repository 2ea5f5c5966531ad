//! What an access token says.

use protocol::{Principal, Timestamp};
use serde::{Deserialize, Serialize};

use crate::paseto;

/// The one audience of all access tokens: every service of the cluster.
pub const AUDIENCE: &str = "auberge";

/// The claims of an access token. Instants have milliseconds inside; tokens show them as RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it: the public URL.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Whom it speaks for: `usr_…`, a client's id, or `svc:NAME`.
    #[serde(rename = "sub")]
    pub subject: String,
    /// For whom it is made: [`AUDIENCE`].
    #[serde(rename = "aud")]
    pub audience: String,
    /// Signed when.
    #[serde(rename = "iat", with = "paseto::rfc3339")]
    pub issued_at: Timestamp,
    /// Void before.
    #[serde(rename = "nbf", with = "paseto::rfc3339")]
    pub not_before: Timestamp,
    /// Void from.
    #[serde(rename = "exp", with = "paseto::rfc3339")]
    pub expires_at: Timestamp,
    /// This token's own name, by which it can be revoked.
    #[serde(rename = "jti")]
    pub token_id: String,
    /// The OAuth client that it was issued to.
    pub client_id: String,
    /// What it allows, separated by spaces.
    pub scope: String,
    /// For whom a service acts.
    #[serde(rename = "obo", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The hotels (`htl_…`) that a staff token is bound to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hotels: Vec<String>,
    /// The subject's epoch when it was signed; a later epoch voids it.
    #[serde(default)]
    pub epoch: u32,
    /// The refresh-token family (the session) that it belongs to; revoking that voids it.
    #[serde(rename = "sid", default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

impl Claims {
    /// The scopes, sorted, each once.
    pub fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<String> = self.scope.split_ascii_whitespace().map(str::to_owned).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// Whom the kernel is told about.
    pub fn principal(&self) -> Principal {
        Principal {
            subject: self.subject.clone(),
            client_id: self.client_id.clone(),
            scopes: self.scopes(),
            on_behalf_of: self.on_behalf_of.clone(),
            hotels: self.hotels.clone(),
        }
    }
}
