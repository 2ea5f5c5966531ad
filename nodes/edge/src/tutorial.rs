//! How to write an API: operations that list, read, create and update resources.
//!
//! - `caller: edge::Caller` (token optional) or `edge::SignedIn` (401 without) is the **first** argument; name the scope with
//!   `#[oai(scope = "rest::scope::RESERVATIONS_READ")]`. The group that receives the call checks it, by its contract.
//! - An operation returns `Result<R, edge::ApiError>`, where `R` is [`Json`](crate::Json), [`SerdeJson`](crate::SerdeJson),
//!   [`WithETag`](crate::WithETag), [`Created`](crate::Created), [`Accepted`](crate::Accepted),
//!   [`NoContent`](crate::NoContent), [`Pdf`](crate::Pdf) or [`Calendar`](crate::Calendar).
//! - [`problems!`](crate::problems) declares the problem types of a service; refusals are converted in the closure of
//!   [`api_error`](crate::api_error).
//! - 400 (`ApiError::invalid`): a field is invalid, whatever the state. 422 (`ApiError::unprocessable`): the fields are
//!   invalid in combination. 409: the request conflicts with the state.
//! - Every parameter has a doc comment, unless its type describes it
//!   ([`Limit`](crate::Limit), [`Cursor`](crate::Cursor), [`IdempotencyKey`](crate::IdempotencyKey),
//!   [`IfMatch`](crate::IfMatch)). The `operation_id` is unique over all services.
//! - All methods of one path are in one `#[OpenApi] impl`.
//! - Every field of a request has a bound: `#[oai(validator(min_length = 1, max_length = 120))]`.
//!
//! ```
//! use edge::{ApiError, Created, Cursor, Cursors, SerdeJson, IdempotencyKey, IfMatch, Json, Limit, MergePatch, Page, Problem, WithETag, problem_types};
//! use poem_openapi::param::{Header, Path, Query};
//! use poem_openapi::types::MaybeUndefined;
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
//!     /// Notes
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
//! /// The content of a note.
//! #[derive(Debug, Clone, Object)]
//! pub struct NewNote {
//!     /// Its title.
//!     #[oai(validator(min_length = 1, max_length = 80))]
//!     pub title: String,
//! }
//!
//! /// Changes to a note. Absent fields are unchanged; `null` clears those that are nullable, and is refused for others.
//! #[derive(Debug, Clone, Object)]
//! pub struct NoteChange {
//!     /// Its title.
//!     #[oai(validator(min_length = 1, max_length = 80))]
//!     pub title: Option<String>,
//!     /// Its colour.
//!     #[oai(nullable, validator(max_length = 20))]
//!     pub colour: MaybeUndefined<String>,
//! }
//!
//! # #[derive(Debug, Clone, thiserror::Error, serde::Serialize, serde::Deserialize)]
//! # pub enum Refusal { #[error("taken")] Taken, #[error("none")] NoSuchNote }
//! /// The API.
//! pub struct Api { /* client: group::Client, */ cursors: Cursors }
//!
//! const PROFILE: edge::Scope = edge::Scope("profile");
//!
//! fn problem(refusal: Refusal) -> Problem {
//!     match refusal {
//!         Refusal::Taken => Problem::new(&TITLE_TAKEN).detail("Choose another title.").field("/title", "taken"),
//!         Refusal::NoSuchNote => Problem::new(&problem_types::NOT_FOUND).detail("There is no such note."),
//!     }
//! }
//! # impl Api {
//! #     async fn send(&self, _call: &group::Call, _what: &str) -> Result<(u64, Note), group::Failure<Refusal>> {
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
//!         /// Only notes whose title begins with this text
//!         #[oai(validator(max_length = 80))]
//!         title: Query<Option<String>>,
//!         limit: Query<Limit>, cursor: Query<Option<Cursor>>,
//!     ) -> Result<SerdeJson<Page<Note>>, ApiError> {
//!         let list = ("listNotes", &title.0);
//!         let after: Option<String> = self.cursors.decode(&list, cursor.0)?;
//!         # let found: Vec<Note> = Vec::new(); let _ = after;
//!         // Query `limit + 1` notes after `after`:
//!         Ok(SerdeJson(self.cursors.page(found, limit.0, &list, |last| last.id.clone())))
//!     }
//!
//!     /// Create a note
//!     #[oai(path = "/notes", method = "post", operation_id = "createNote")]
//!     async fn create(
//!         &self,
//!         #[oai(scope = "PROFILE")] caller: edge::SignedIn,
//!         #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
//!         note: Json<NewNote>,
//!     ) -> Result<Created<Note>, ApiError> {
//!         let call = caller.call_with(key.0.as_ref(), "createNote", "me");
//!         // self.client.call(&call, CreateNote { … }).await
//!         let created = self.send(&call, &note.0.title).await;
//!         let (version, note) = created.map_err(|failure| edge::api_error(failure, problem))?;
//!         Ok(Created::new(format!("/v1/notes/{}", note.id), version, note))
//!     }
//!
//!     /// One note
//!     #[oai(path = "/notes/:note_id", method = "get", operation_id = "getNote")]
//!     async fn get(
//!         &self, caller: edge::Caller,
//!         /// The note's id
//!         note_id: Path<String>,
//!     ) -> Result<WithETag<Note>, ApiError> {
//!         let (version, note) =
//!             self.send(&caller.call(), &note_id).await.map_err(|failure| edge::api_error(failure, problem))?;
//!         Ok(WithETag::new(version, note))
//!     }
//!
//!     /// Change a note
//!     #[oai(path = "/notes/:note_id", method = "patch", operation_id = "updateNote")]
//!     async fn update(
//!         &self,
//!         #[oai(scope = "PROFILE")] caller: edge::SignedIn,
//!         #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
//!         /// The note's id
//!         note_id: Path<String>,
//!         change: MergePatch<NoteChange>,
//!     ) -> Result<WithETag<Note>, ApiError> {
//!         // The command contains the version, and the state machine compares it: Refusal::Stale becomes PRECONDITION_FAILED.
//!         let _expected: Option<u64> = edge::expected_version(if_match.0.as_ref())?;
//!         # let _ = (&note_id, &change);
//!         let (version, note) = self.send(&caller.call(), "update").await.map_err(|failure| edge::api_error(failure, problem))?;
//!         Ok(WithETag::new(version, note))
//!     }
//! }
//! ```
