//! The edge of a node: the HTTP server (Poem), and the types with which services write their REST APIs.
//!
//! An API is a struct with a [`group::Client`] and one method for each operation:
//! ```ignore
//! #[poem_openapi::OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
//! impl Api {
//!     /// One reservation
//!     #[oai(path = "/reservations/:reservation_id", method = "get", operation_id = "getReservation")]
//!     async fn get(&self, caller: edge::Caller, /// The reservation's id
//!         reservation_id: Path<String>) -> Result<edge::WithETag<Reservation>, edge::ApiError> {
//!         let found = self.client.call(&caller.call(), GetReservation { id: parse(&reservation_id)? }).await;
//!         let found = found.map_err(|failure| edge::api_error(failure, problem))?;
//!         Ok(edge::WithETag::new(found.version, found.into()))
//!     }
//! }
//! ```
//! The caller is the first argument, so that 401 precedes 400. [`tutorial`] shows every kind of operation.
//!
//! Invariants:
//! - every error response is `application/problem+json` and contains no input of the client;
//! - every response has an `X-Request-Id`, which is also the `instance` of a problem;
//! - access tokens are forwarded unread: the group that receives the call verifies them.
//!
//! Deliberately absent: everything about hotels; sessions of pages; verification of tokens and scopes.

pub mod assets;
mod caller;
mod client_address;
pub mod csrf;
mod cursor;
mod error;
mod etag;
mod form;
mod idempotency;
mod instant;
mod json;
mod languages;
mod metrics;
mod openapi;
mod optional_json;
mod payload;
mod problem;
pub mod rate_limit;
mod response;
pub mod scope;
mod server;
mod string_type;
pub mod tutorial;
mod validate;

pub use caller::{Caller, Deadline, RequestId, SignedIn};
pub use client_address::{ClientAddress, HashedAddress};
pub use cursor::{Cursor, Cursors, Limit, Page};
pub use error::{ApiError, api_error};
pub use etag::{ETag, IfMatch, expected_version};
pub use form::{Form, FormError, Parameters};
pub use idempotency::IdempotencyKey;
pub use instant::{Date, Instant};
pub use json::parse_json;
pub use languages::accepted_languages;
pub use metrics::count;
pub use openapi::{OpenApiDocuments, Scopes, lint_document};
pub use optional_json::OptionalJson;
pub use payload::{Json, MergePatch, SerdeJson};
pub use problem::{FieldError, Problem, ProblemJson, ProblemType, problem_table, problem_types};
pub use response::{Accepted, Calendar, Created, NoContent, Pdf, WithETag};
pub use scope::Scope;
pub use server::{
    BindError, BoundServer, ConnectionLimits, Server, Settings, ShutdownSignal, Tls, policy_with_form_actions,
};
