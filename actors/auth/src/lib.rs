//! `auth`: OAuth 2 for clients and users, and service tokens for the cluster.
//!
//! Implements RFC 6749 (framework), 7636 (PKCE, S256 only), 7009 (revocation), 7662 (introspection), 8414 (metadata),
//! 8628 (device authorization) and 9700 (refresh token rotation with reuse detection, exact redirect URIs). Access
//! tokens are PASETO v4.public and valid for 10 minutes.
//!
//! Invariants (see [`invariants`]):
//! - an authorization code is used once; a refresh token is used once, except within a grace period of 10 seconds. Reuse
//!   ends the session;
//! - once there is a signing key, exactly one key signs;
//! - no credential is in a command, in the store or in a log: the API generates secrets, proposes their hashes and sends
//!   the secrets in the HTTP response only. Signing keys are sealed with the cluster key;
//! - claims follow from the state: no query signs claims that the caller supplies.
//!
//! Deliberately absent: passwords and accounts (they belong to `users`); the implicit and password grants (RFC 9700
//! §2.1.2, §2.4); PKCE `plain`; dynamic client registration; refresh tokens for the client credentials grant.

mod apply;
mod bootstrap;
mod credentials;
mod effects;
pub mod invariants;
mod limits;
mod query;
pub mod rest;
mod scopes;
mod service;
mod state;
mod uri;

pub use bootstrap::{ADMIN_CLIENT, Bootstrap, bootstrap, refresh_verifier};
pub use credentials::ServiceTokens;
pub use effects::{AuthEffects, Effect, new_sealed_key};
pub use limits::ACCESS_TOKEN_SECS;
pub use rest::api;
pub use service::{Auth, Timer};
