//! The edge of a node: the Poem server, and the words in which services write their REST apis.
//!
//! A API is a struct with a [`group::Client`] in it and one method an operation:
//! ```ignore
//! #[poem_openapi::OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
//! impl Api {
//!     /// One reservation
//!     #[oai(path = "/reservations/:reservation_id", method = "get", operation_id = "getReservation")]
//!     async fn get(&self, caller: edge::Caller, /// The reservation's id
//!         reservation_id: Path<String>) -> Result<edge::Tagged<Reservation>, edge::ApiError> {
//!         let found = self.client.query::<Reservations>(&caller.call(), Query::Get(parse(&reservation_id)?)).await;
//!         let found = found.map_err(|failure| edge::failed(failure, problem))?;
//!         Ok(edge::Tagged::new(found.version, found.into()))
//!     }
//! }
//! ```
//! The caller comes first among the arguments, so that 401 precedes 400. The whole guide is at [`guide`].
//!
//! Invariants:
//! - every answer of 400 or above is `application/problem+json` and echoes nothing of what was sent;
//! - every answer carries `X-Request-Id`; a problem names the same id as its `instance`;
//! - a token is handed on unread: the group that receives the call verifies it.
//!
//! Deliberately absent: any word of hotels; sessions of pages; the checking of tokens and scopes.

mod address;
mod answers;
pub mod assets;
mod caller;
pub mod csrf;
mod cursor;
mod document;
mod error;
mod etag;
pub mod guide;
mod idempotency;
mod instant;
pub mod limits;
mod meters;
mod payload;
mod problem;
mod server;
mod text;
mod validate;

pub use address::ClientAddress;
pub use answers::{Accepted, Calendar, Created, NoContent, Pdf, Tagged};
pub use caller::{Caller, Deadline, RequestId, Scope, SignedIn};
pub use cursor::{Cursor, Limit, Page, key_cursors};
pub use document::{Documents, check_document};
pub use error::{ApiError, failed};
pub use etag::{ETag, IfMatch, expected_version};
pub use idempotency::IdempotencyKey;
pub use instant::{Date, Instant};
pub use meters::Meters;
pub use payload::{Fast, Json};
pub use problem::{FieldError, Problem, ProblemJson, ProblemKind, kinds, problem_table};
pub use server::{Bound, Closing, Refused, Server, Settings, Tls, policy_with_form_targets};
