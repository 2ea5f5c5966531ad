//! Sign-ins of people by the OAuth 2.0 device grant (RFC 8628): the grant itself, the stored tokens and their renewal.
//!
//! Invariants:
//! - what is kept is its owner's to read, one file an address, and is sent to no other address;
//! - a refresh token is spent by one process at a time, and its successor is on disk before anything is done with it.
//!
//! Deliberately absent: any password, and any other way to sign in. `--admin FILE` and `AUBERGE_TOKEN` are
//! [`crate::client::Target`]'s.

mod device;
mod store;
mod tokens;

pub use device::{DeviceAuthorization, begin, wait};
pub use store::{Store, StoredSignIn};
pub use tokens::{Token, fresh, revoke};

/// The client that every cluster has from its first start, for this program: a public one, with the device grant.
const CLIENT: &str = "cli";
