//! What the leader does outside the state: drawing keys, which must not be derivable from the log.

use contracts::auth::{Command, SealedKey};
use group::{EffectContext, Effects, Outcome};
use serde::{Deserialize, Serialize};
use token::{ClusterKey, SigningKey};

use crate::Auth;

/// What the leader is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// A new signing key.
    MakeKey,
}

/// Makes signing keys.
#[derive(Debug)]
pub struct KeyMaker {
    cluster: ClusterKey,
}

impl KeyMaker {
    /// One that seals what it makes with the cluster key.
    pub fn new(cluster: ClusterKey) -> Self {
        Self { cluster }
    }
}

/// A new signing key, sealed so that it may be proposed.
pub fn new_sealed_key(cluster: &ClusterKey) -> SealedKey {
    let key = SigningKey::generate();
    let public = key.public();
    SealedKey { id: public.id().to_owned(), public: public.paserk(), sealed: cluster.wrap_signing_key(&key) }
}

impl Effects<Auth> for KeyMaker {
    async fn perform(&self, _context: &EffectContext, effect: Effect) -> Outcome<Command> {
        match effect {
            // A second attempt makes another key; only the one that is reported exists.
            Effect::MakeKey => Outcome::Report(Command::KeyMade(new_sealed_key(&self.cluster))),
        }
    }
}
