//! What was taken back before it expired.

use std::collections::{BTreeMap, BTreeSet};

use crate::Claims;

/// Everything that is revoked now, as `auth` publishes it. Entries leave it once no token they concern can be alive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revocations {
    /// Single tokens, by `jti`.
    pub tokens: BTreeSet<String>,
    /// Sessions: all tokens with this `sid`.
    pub families: BTreeSet<String>,
    /// Clients: all tokens with this `client_id`.
    pub clients: BTreeSet<String>,
    /// Subjects: all tokens with an `epoch` below this.
    pub epochs: BTreeMap<String, u32>,
}

impl Revocations {
    /// Whether a token with these claims is void.
    pub fn include(&self, claims: &Claims) -> bool {
        self.tokens.contains(&claims.token_id)
            || claims.family.as_ref().is_some_and(|family| self.families.contains(family))
            || self.clients.contains(&claims.client_id)
            || self.epochs.get(&claims.subject).is_some_and(|epoch| claims.epoch < *epoch)
    }
}
