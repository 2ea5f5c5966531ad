//! How a API is written: a list, one thing, making one, changing one.
//!
//! - `caller: edge::Caller` (token optional) or `edge::SignedIn` (401 without) comes **first**; say the scope with
//!   `#[oai(scope = "edge::Scope::ReservationsRead")]`. The receiving group checks it, by its contract.
//! - An operation answers `Result<A, edge::ApiError>` with one of [`Json`](crate::Json), [`Fast`](crate::Fast),
//!   [`Tagged`](crate::Tagged), [`Created`](crate::Created), [`Accepted`](crate::Accepted),
//!   [`NoContent`](crate::NoContent), [`Pdf`](crate::Pdf), [`Calendar`](crate::Calendar).
//! - Problem types of a service are declared by [`problems!`](crate::problems); a refusal becomes one in
//!   [`failed`](crate::failed)'s closure.
//! - 400 (`ApiError::invalid`) is for a field that is wrong whatever the state; 422 (`ApiError::unprocessable`) for
//!   fields that are wrong together; 409 for the state.
//! - Describe every parameter with a doc comment in front of it, unless its type does
//!   ([`Limit`](crate::Limit), [`Cursor`](crate::Cursor), [`IdempotencyKey`](crate::IdempotencyKey),
//!   [`IfMatch`](crate::IfMatch)). Every operation has an `operation_id` of its own over all services.
//! - All methods of one path stand in one `#[OpenApi] impl`.
//! - Bound every field that comes in: `#[oai(validator(min_length = 1, max_length = 120))]`.
//!
//! ```
//! use edge::{ApiError, Created, Cursor, Fast, IdempotencyKey, IfMatch, Json, Limit, Page, Problem, Tagged, kinds};
//! use poem_openapi::param::{Header, Path, Query};
//! use poem_openapi::{Object, OpenApi, Tags};
//! use serde::Serialize;
//!
//! edge::problems! {
//!     /// The title is taken.
//!     TITLE_TAKEN = "title-taken", "The title is taken", 409;
//! }
//!
//! #[derive(Tags)]
//! enum Tag {
//!     /// Notes on a wall
//!     Notes,
//! }
//!
//! /// A note.
//! #[derive(Debug, Clone, Object, Serialize)]
//! pub struct Note {
//!     /// Its id.
//!     pub id: String,
//!     /// Its title.
//!     pub title: String,
//! }
//!
//! /// A note to be made.
//! #[derive(Debug, Clone, Object)]
//! pub struct NewNote {
//!     /// Its title.
//!     #[oai(validator(min_length = 1, max_length = 80))]
//!     pub title: String,
//! }
//!
//! # #[derive(Debug, Clone, thiserror::Error, serde::Serialize, serde::Deserialize)]
//! # pub enum Refusal { #[error("taken")] Taken, #[error("none")] NoSuchNote }
//! /// The API: a client, and nothing else.
//! pub struct Api { /* client: group::Client */ }
//!
//! fn problem(refusal: Refusal) -> Problem {
//!     match refusal {
//!         Refusal::Taken => Problem::new(&TITLE_TAKEN).detail("Choose another title.").field("/title", "taken"),
//!         Refusal::NoSuchNote => Problem::new(&kinds::NOT_FOUND).detail("There is no such note."),
//!     }
//! }
//! # impl Api {
//! #     async fn ask(&self, _call: &group::Call, _what: &str) -> Result<(u64, Note), group::Failure<Refusal>> {
//! #         Err(group::Failure::Refused(Refusal::NoSuchNote))
//! #     }
//! # }
//!
//! #[OpenApi(prefix_path = "/v1", tag = "Tag::Notes")]
//! impl Api {
//!     /// Notes
//!     ///
//!     /// Newest first.
//!     #[oai(path = "/notes", method = "get", operation_id = "listNotes")]
//!     async fn list(
//!         &self, _caller: edge::Caller,
//!         /// Only notes whose title begins so
//!         #[oai(validator(max_length = 80))]
//!         title: Query<Option<String>>,
//!         limit: Query<Limit>, cursor: Query<Option<Cursor>>,
//!     ) -> Result<Fast<Page<Note>>, ApiError> {
//!         let question = ("listNotes", &title.0);
//!         let after: Option<String> = cursor.0.map(|cursor| cursor.position(&question)).transpose()?;
//!         # let found: Vec<Note> = Vec::new(); let _ = after;
//!         // Ask the client for `limit + 1` notes after `after`:
//!         Ok(Fast(Page::cut(found, limit.0, &question, |last| last.id.clone())))
//!     }
//!
//!     /// Make a note
//!     #[oai(path = "/notes", method = "post", operation_id = "createNote")]
//!     async fn create(
//!         &self,
//!         #[oai(scope = "edge::Scope::Profile")] caller: edge::SignedIn,
//!         #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
//!         note: Json<NewNote>,
//!     ) -> Result<Created<Note>, ApiError> {
//!         let call = caller.call_with(key.0.as_ref(), "createNote", "me");
//!         // self.client.command::<Notes>(&call, Command::Create { … }).await
//!         let made = self.ask(&call, &note.0.title).await;
//!         let (version, note) = made.map_err(|failure| edge::failed(failure, problem))?;
//!         Ok(Created::new(format!("/v1/notes/{}", note.id), version, note))
//!     }
//!
//!     /// One note
//!     #[oai(path = "/notes/:note_id", method = "get", operation_id = "getNote")]
//!     async fn get(
//!         &self, caller: edge::Caller,
//!         /// The note's id
//!         note_id: Path<String>,
//!     ) -> Result<Tagged<Note>, ApiError> {
//!         let (version, note) =
//!             self.ask(&caller.call(), &note_id).await.map_err(|failure| edge::failed(failure, problem))?;
//!         Ok(Tagged::new(version, note))
//!     }
//!
//!     /// Change a note
//!     #[oai(path = "/notes/:note_id", method = "patch", operation_id = "updateNote")]
//!     async fn update(
//!         &self,
//!         #[oai(scope = "edge::Scope::Profile")] caller: edge::SignedIn,
//!         #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
//!         /// The note's id
//!         note_id: Path<String>,
//!         change: Json<NewNote>,
//!     ) -> Result<Tagged<Note>, ApiError> {
//!         // The version goes into the command, and the turn compares: Refusal::Stale becomes PRECONDITION_FAILED.
//!         let _expected: Option<u64> = edge::expected_version(if_match.0.as_ref())?;
//!         # let _ = (&note_id, &change);
//!         let (version, note) = self.ask(&caller.call(), "update").await.map_err(|failure| edge::failed(failure, problem))?;
//!         Ok(Tagged::new(version, note))
//!     }
//! }
//! ```
