//! Tokens: making them, checking them, and the keys for both. The only home of pasetors.
//!
//! | what | made by | form |
//! |---|---|---|
//! | access token | [`SigningKey::sign`] | PASETO v4.public, the key's id in the footer, [`Claims`] inside |
//! | offer, cursor, form seal | [`Seal`] | PASETO v4.local, its purpose as implicit assertion |
//! | link in a mail | [`LinkKey`] | a keyed MAC over what the link names; nothing to store |
//! | a node's first credential | [`ClusterKey::node_credential`] | PASETO v4.local of one minute, purpose `node` |
//! | secret key in a replicated store | [`ClusterKey::wrap`] | PASETO v4.local, purpose `wrap:…` |
//!
//! Invariants:
//! - each purpose has a key of its own, derived from the cluster key, *and* says what it is for: no token of one kind
//!   opens as another;
//! - no type that holds a key shows it: `Debug` prints its name only, and its bytes are wiped when it is dropped;
//! - what is cached as verified is checked against expiry, withdrawn keys and revocations at each use.
//!
//! Deliberately absent: I/O other than the cluster key's file; the clock (callers say what time it is); where keys and
//! revocations come from (whoever runs the node feeds its [`Verifier`]).

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
