//! Checking bearer tokens, fast: what was verified once is remembered until it expires.

use std::sync::{Arc, PoisonError, RwLock};

use protocol::{Principal, Timestamp};
use quick_cache::sync::Cache;

use crate::{Claims, ClusterKey, PublicKeys, Revocations};

/// How far ahead the signer's clock may be, in seconds.
pub const LEEWAY_SECS: i64 = 5;

/// Longer texts are no tokens of ours, in bytes. The longest are those of staff of 200 hotels, with some 9 KiB.
pub const TOKEN_BYTES_MAX: usize = 12 << 10;

/// How many verified tokens are remembered. About 1 KiB each.
const CACHE_ENTRIES_MAX: usize = 20_000;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No token of a kind that we know.
    #[error("the token is malformed")]
    Malformed,
    /// Signed by a key that is not, or no longer, trusted.
    #[error("the token was signed by an unknown key")]
    UnknownKey,
    /// No key is known yet: whoever asks has just started, and cannot tell whether the token is good.
    #[error("no signing keys were heard of yet")]
    NoKeys,
    /// Altered, or not made by whom it says.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Too old.
    #[error("the token has expired")]
    Expired,
    /// From the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// Made for somebody else to read.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Made by another installation.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Taken back.
    #[error("the token was revoked")]
    Revoked,
}

struct Verified {
    claims: Claims,
    key_id: String,
    principal: Arc<Principal>,
}

struct Trusted {
    keys: PublicKeys,
    revocations: Revocations,
}

/// Checks access tokens of one issuer, and node credentials of one cluster. Keys and revocations are fed to it from
/// outside, every two seconds or so; whatever it remembers is checked against both at each use.
pub struct Verifier {
    issuer: String,
    cluster: ClusterKey,
    known: RwLock<Arc<Trusted>>,
    cache: Cache<[u8; 32], Arc<Verified>>,
}

impl Verifier {
    /// A verifier that trusts no signing key yet.
    pub fn new(issuer: impl Into<String>, cluster: &ClusterKey) -> Self {
        Self {
            issuer: issuer.into(),
            cluster: cluster.clone(),
            known: RwLock::new(Arc::new(Trusted {
                keys: PublicKeys::default(),
                revocations: Revocations::default(),
            })),
            cache: Cache::new(CACHE_ENTRIES_MAX),
        }
    }

    /// From now on these keys are trusted, and no others.
    pub fn replace_keys(&self, keys: PublicKeys) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(Trusted { keys, revocations: known.revocations.clone() });
    }

    /// From now on these are revoked, and nothing else.
    pub fn replace_revocations(&self, revocations: Revocations) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(Trusted { keys: known.keys.clone(), revocations });
    }

    /// Whether any signing key is trusted yet.
    pub fn has_keys(&self) -> bool {
        !self.known().keys.is_empty()
    }

    /// Who a bearer token speaks for. A node's credential speaks for the service `node`, its client id says which.
    ///
    /// # Errors
    /// See [`Rejected`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Principal>, Rejected> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Rejected::Malformed);
        }
        if token.starts_with("v4.local.") {
            let node = self.cluster.check_node_credential(token, now)?;
            return Ok(Arc::new(Principal {
                client_id: format!("node:{node}"),
                ..Principal::service("node")
            }));
        }
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        let known = self.known();
        if let Some(verified) = self.cache.get(&hash) {
            return self.still_good(&known, &hash, &verified, now);
        }
        let checked = known.keys.check(token, &self.issuer, now);
        let (claims, key_id) = checked.map_err(|rejected| match rejected {
            Rejected::UnknownKey if known.keys.is_empty() => Rejected::NoKeys,
            rejected => rejected,
        })?;
        if known.revocations.include(&claims) {
            return Err(Rejected::Revoked);
        }
        let principal = Arc::new(claims.principal());
        let verified = Verified { claims, key_id: key_id.to_owned(), principal: Arc::clone(&principal) };
        self.cache.insert(hash, Arc::new(verified));
        Ok(principal)
    }

    /// The claims of a valid access token, for those who need more than the principal. Not remembered.
    ///
    /// # Errors
    /// See [`Rejected`].
    pub fn claims(&self, token: &str, now: Timestamp) -> Result<Claims, Rejected> {
        let known = self.known();
        let (claims, _) = known.keys.check(token, &self.issuer, now)?;
        if known.revocations.include(&claims) { Err(Rejected::Revoked) } else { Ok(claims) }
    }

    fn still_good(
        &self,
        known: &Trusted,
        hash: &[u8; 32],
        verified: &Verified,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Rejected> {
        let rejected = if verified.claims.expires_at <= now {
            Rejected::Expired
        } else if !known.keys.has(&verified.key_id) {
            Rejected::UnknownKey
        } else if known.revocations.include(&verified.claims) {
            Rejected::Revoked
        } else {
            return Ok(Arc::clone(&verified.principal));
        };
        self.cache.remove(hash);
        Err(rejected)
    }

    fn known(&self) -> Arc<Trusted> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.issuer)
    }
}

#[cfg(test)]
mod tests;
