//! Who may do what, proven by tokens: OAuth 2 for clients and people, service tokens for the cluster itself.
//!
//! RFC 6749 (the framework), 7636 (PKCE, S256 only), 7009 (revocation), 7662 (introspection), 8414 (metadata), 8628
//! (devices), 9700 (current practice: rotation with reuse detection, exact redirect URIs). Access tokens are PASETO
//! v4.public, 10 minutes.
//!
//! Invariants (see [`invariants`]):
//! - a code is used once, a refresh token once (but for a grace of 10 seconds); using one again ends its session;
//! - there is always a key that signs, once there has been one;
//! - nothing that could be used as a credential is in a command, the store or a log: secrets are drawn by the API,
//!   hashed before they are proposed, and shown in the HTTP answer only; signing keys are sealed by the cluster key;
//! - what is signed follows from the state, never from the asker's word: no query signs claims that it is given.
//!
//! Deliberately absent: passwords and accounts (`users` has them); the implicit and password grants (RFC 9700 §2.1.2,
//! §2.4); PKCE `plain`; dynamic client registration; refresh tokens for clients that act in their own name.

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

pub use bootstrap::{ADMIN_CLIENT, FirstStart, first_start, publish};
pub use credentials::ServiceTokens;
pub use effects::{Effect, KeyMaker, new_sealed_key};
pub use limits::ACCESS_TOKEN_SECS;
pub use rest::api;
pub use service::{Auth, Timer};
