//! Verification of bearer tokens, with a cache of verified tokens.

use std::sync::{Arc, PoisonError, RwLock};

use protocol::{Principal, Timestamp};
use quick_cache::sync::Cache;

use crate::{Claims, ClusterKey, PublicKeys, Revocations};

/// Maximum clock skew of the signer, in seconds.
pub const LEEWAY_SECS: i64 = 5;

/// Maximum length of a token, in bytes. The longest are those of staff with 200 hotels, about 9 KiB.
pub const TOKEN_BYTES_MAX: usize = 12 << 10;

/// Maximum number of cached tokens, about 1 KiB each.
const CACHE_ENTRIES_MAX: usize = 20_000;

/// Why a token was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not a token of a supported kind.
    #[error("the token is malformed")]
    Malformed,
    /// Signed by a key that is not, or no longer, trusted.
    #[error("the token was signed by an unknown key")]
    UnknownKey,
    /// The verifier has no keys yet: the node has just started and cannot verify tokens.
    #[error("no signing keys are known yet")]
    NoKeys,
    /// Altered, or not signed by the key that it names.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Expired.
    #[error("the token has expired")]
    Expired,
    /// Not valid yet.
    #[error("the token is not valid yet")]
    NotYet,
    /// Issued for another audience.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Issued by another installation.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Revoked.
    #[error("the token was revoked")]
    Revoked,
}

struct CachedToken {
    claims: Claims,
    key_id: String,
    principal: Arc<Principal>,
}

struct Trusted {
    keys: PublicKeys,
    revocations: Revocations,
}

/// Verifies access tokens of one issuer and node credentials of one cluster. The node updates keys and revocations
/// about every two seconds. Cached results are checked against both at each use.
pub struct Verifier {
    issuer: String,
    cluster: ClusterKey,
    trusted: RwLock<Arc<Trusted>>,
    cache: Cache<[u8; 32], Arc<CachedToken>>,
}

impl Verifier {
    /// Creates a verifier without trusted keys.
    pub fn new(issuer: impl Into<String>, cluster: &ClusterKey) -> Self {
        Self {
            issuer: issuer.into(),
            cluster: cluster.clone(),
            trusted: RwLock::new(Arc::new(Trusted {
                keys: PublicKeys::default(),
                revocations: Revocations::default(),
            })),
            cache: Cache::new(CACHE_ENTRIES_MAX),
        }
    }

    /// Replaces the trusted keys.
    pub fn replace_keys(&self, keys: PublicKeys) {
        let mut trusted = self.trusted.write().unwrap_or_else(PoisonError::into_inner);
        *trusted = Arc::new(Trusted { keys, revocations: trusted.revocations.clone() });
    }

    /// Replaces the revocations.
    pub fn replace_revocations(&self, revocations: Revocations) {
        let mut trusted = self.trusted.write().unwrap_or_else(PoisonError::into_inner);
        *trusted = Arc::new(Trusted { keys: trusted.keys.clone(), revocations });
    }

    /// Whether any signing key is trusted.
    pub fn has_keys(&self) -> bool {
        !self.trusted().keys.is_empty()
    }

    /// Verifies a bearer token and returns its principal. A node credential yields the service `node`, with the name
    /// of the node in the client id.
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
        let trusted = self.trusted();
        if let Some(cached) = self.cache.get(&hash) {
            return self.check_cached(&trusted, &hash, &cached, now);
        }
        let checked = trusted.keys.check(token, &self.issuer, now);
        let (claims, key_id) = checked.map_err(|rejected| match rejected {
            Rejected::UnknownKey if trusted.keys.is_empty() => Rejected::NoKeys,
            rejected => rejected,
        })?;
        if trusted.revocations.contains(&claims) {
            return Err(Rejected::Revoked);
        }
        let principal = Arc::new(claims.principal());
        let cached = CachedToken { claims, key_id: key_id.to_owned(), principal: Arc::clone(&principal) };
        self.cache.insert(hash, Arc::new(cached));
        Ok(principal)
    }

    /// Verifies an access token and returns its claims, for callers that need more than the principal. Not cached.
    ///
    /// # Errors
    /// See [`Rejected`].
    pub fn claims(&self, token: &str, now: Timestamp) -> Result<Claims, Rejected> {
        let trusted = self.trusted();
        let (claims, _) = trusted.keys.check(token, &self.issuer, now)?;
        if trusted.revocations.contains(&claims) { Err(Rejected::Revoked) } else { Ok(claims) }
    }

    fn check_cached(
        &self,
        trusted: &Trusted,
        hash: &[u8; 32],
        cached: &CachedToken,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Rejected> {
        let rejected = if cached.claims.expires_at <= now {
            Rejected::Expired
        } else if !trusted.keys.has(&cached.key_id) {
            Rejected::UnknownKey
        } else if trusted.revocations.contains(&cached.claims) {
            Rejected::Revoked
        } else {
            return Ok(Arc::clone(&cached.principal));
        };
        self.cache.remove(hash);
        Err(rejected)
    }

    fn trusted(&self) -> Arc<Trusted> {
        Arc::clone(&self.trusted.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.issuer)
    }
}

#[cfg(test)]
mod tests;
