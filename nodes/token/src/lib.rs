//! Tokens and their keys: signing, verification, sealed values. The only crate that uses pasetors.
//!
//! | what | created by | form |
//! |---|---|---|
//! | access token | [`SigningKey::sign`] | PASETO v4.public, the key id in the footer, [`Claims`] as payload |
//! | sealed offer, cursor or form | [`Seal`] | PASETO v4.local, its purpose as implicit assertion |
//! | tag of a link in a mail | [`LinkKey`] | keyed MAC over the parts of the link; nothing is stored |
//! | node credential | [`ClusterKey::node_credential`] | PASETO v4.local, valid for a minute, purpose `node` |
//! | secret in a replicated store | [`ClusterKey::wrap`] | PASETO v4.local, purpose `wrap:…` |
//!
//! Invariants:
//! - each purpose has its own key, derived from the cluster key, and is also bound to the token: a token of one
//!   purpose is never accepted for another;
//! - no type prints its key: `Debug` prints names only, and key bytes are zeroed on drop;
//! - a cached verification result is checked against expiry, trusted keys and revocations at each use.
//!
//! Deliberately absent: I/O other than the cluster key file; the clock (callers pass the time); distribution of keys
//! and revocations (the node updates its [`Verifier`]).

mod claims;
mod cluster;
mod keys;
mod link;
mod paseto;
mod random;
mod revocations;
mod seal;
mod verifier;

pub use claims::{AUDIENCE, Claims};
pub use cluster::{ClusterKey, KeyFileError, NODE_CREDENTIAL_SECS};
pub use keys::{PublicKey, PublicKeys, SigningKey};
pub use link::LinkKey;
pub use random::{random_bytes, random_secret};
pub use revocations::Revocations;
pub use seal::{Seal, SealError};
pub use verifier::{LEEWAY_SECS, Rejected, TOKEN_BYTES_MAX, Verifier};
