//! Revocations of tokens that have not expired.

use std::collections::{BTreeMap, BTreeSet};

use crate::Claims;

/// All current revocations, as published by `auth`. An entry is removed once all tokens that it covers have expired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revocations {
    /// Revoked tokens, by `jti`.
    pub tokens: BTreeSet<String>,
    /// Revoked sessions: all tokens with this `sid`.
    pub families: BTreeSet<String>,
    /// Revoked clients: all tokens with this `client_id`.
    pub clients: BTreeSet<String>,
    /// Revoked subjects: all tokens with an `epoch` below this.
    pub epochs: BTreeMap<String, u32>,
}

impl Revocations {
    /// Whether a token with these claims is revoked.
    pub fn contains(&self, claims: &Claims) -> bool {
        self.tokens.contains(&claims.token_id)
            || claims.family.as_ref().is_some_and(|family| self.families.contains(family))
            || self.clients.contains(&claims.client_id)
            || self.epochs.get(&claims.subject).is_some_and(|epoch| claims.epoch < *epoch)
    }
}
