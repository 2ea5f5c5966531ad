//! Sign-ins of people: the OAuth 2.0 device grant (RFC 8628), the stored tokens and their renewal.
//!
//! Invariants:
//! - stored sign-ins are readable by their owner only, one file for each server, and are sent to no other server;
//! - a refresh token is used by one process at a time, and its successor is on disk before the new access token is used.
//!
//! Deliberately absent: passwords. `--admin FILE` and `AUBERGE_TOKEN` are handled by [`crate::client::Target`].

mod device;
mod oauth;
mod store;
mod tokens;

pub use device::{DeviceAuthorization, begin, wait};
pub use store::{SignInStore, StoredSignIn};
pub use tokens::{Token, fresh, revoke, stored};
