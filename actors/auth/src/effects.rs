//! Effects: generating signing keys. This happens outside `apply`, so that keys cannot be derived from the log.

use contracts::auth::{Command, KeyGenerated, SealedKey};
use group::{EffectContext, Effects, Outcome};
use serde::{Deserialize, Serialize};
use token::{ClusterKey, SigningKey};

use crate::Auth;

/// Effects of this service. Persisted in the outbox: append variants only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Generate a signing key.
    GenerateKey,
}

/// Performs the effects of this service.
#[derive(Debug)]
pub struct AuthEffects {
    cluster: ClusterKey,
}

impl AuthEffects {
    /// `cluster` seals the generated keys.
    pub fn new(cluster: ClusterKey) -> Self {
        Self { cluster }
    }
}

/// Generates a signing key, sealed so that it can be proposed.
pub fn new_sealed_key(cluster: &ClusterKey) -> SealedKey {
    let key = SigningKey::generate();
    let public = key.public();
    SealedKey { id: public.id().to_owned(), public: public.paserk(), sealed: cluster.wrap_signing_key(&key) }
}

impl Effects<Auth> for AuthEffects {
    async fn perform(&self, _context: &EffectContext, effect: Effect) -> Outcome<Command> {
        match effect {
            // A second attempt generates another key. Only the reported key is used.
            Effect::GenerateKey => Outcome::Report(KeyGenerated(new_sealed_key(&self.cluster)).into()),
        }
    }
}
