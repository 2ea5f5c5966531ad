//! An API that can fail in every way, and a client without a socket.

// Each test file is a program of its own and uses its part of this.
#![allow(dead_code)]

use std::time::Duration;

use edge::{
    ApiError, Created, Cursor, Cursors, IdempotencyKey, IfMatch, Json, Limit, MergePatch, Page, Problem,
    SerdeJson, WithETag, problem_types,
};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object, OpenApi, Tags};
use serde::Serialize;
use serde_json::Value;

edge::problems! {
    /// The title is taken.
    TITLE_TAKEN = "title-taken", "The title is taken", 409;
}

#[derive(Tags)]
pub enum Tag {
    /// Notes on a wall
    Notes,
}

/// A note.
#[derive(Debug, Clone, Object, Serialize)]
pub struct Note {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its day.
    pub day: edge::Date,
    /// When it was made.
    pub at: edge::Instant,
}

/// Whose note it is.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct Author {
    /// The name.
    #[oai(validator(min_length = 1, max_length = 40))]
    pub name: String,
    /// Ages of children.
    #[oai(validator(max_items = 3))]
    pub ages: Vec<u8>,
}

/// How loud.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Tone {
    Quiet,
    VeryLoud,
}

/// The content of a note.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct NewNote {
    /// Its title.
    #[oai(validator(min_length = 1, max_length = 20))]
    pub title: String,
    /// A secret that must not occur in any response.
    #[oai(validator(pattern = "^pm_[a-z]+$"))]
    pub card: String,
    /// Its day.
    pub day: edge::Date,
    /// Its author.
    pub author: Author,
    /// Its tone.
    pub tone: Option<Tone>,
}

/// A frame.
#[derive(Debug, Clone, Object)]
pub struct FrameChange {
    /// Its width.
    pub width: Option<u8>,
    /// Its colour.
    #[oai(nullable)]
    pub colour: MaybeUndefined<String>,
}

/// Changes to the wall.
#[derive(Debug, Clone, Object)]
pub struct WallChange {
    /// Its name.
    pub name: Option<String>,
    /// Its owner.
    #[oai(nullable)]
    pub owner: MaybeUndefined<String>,
    /// Its frame.
    pub frame: Option<FrameChange>,
    /// Its notes.
    pub notes: Option<Vec<NewNote>>,
}

/// How a change was read.
#[derive(Debug, Clone, Object, Serialize)]
pub struct WallChanged {
    /// As Rust shows it.
    pub change: String,
}

pub const PROFILE: edge::Scope = edge::Scope("profile");

pub struct Api {
    cursors: Cursors,
}

fn note(id: &str) -> Note {
    let at = protocol::Timestamp(1_700_000_000_000).into();
    Note { id: id.to_owned(), title: "T".repeat(40), day: "2026-11-23".parse().unwrap(), at }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Notes")]
impl Api {
    /// Notes
    #[oai(path = "/notes", method = "get", operation_id = "listNotes")]
    async fn list(
        &self,
        _caller: edge::Caller,
        /// Only notes of this title
        #[oai(validator(max_length = 20))]
        title: Query<Option<String>>,
        /// Only notes for this day
        day: Query<Option<edge::Date>>,
        /// Only notes of this tone
        tone: Query<Option<Tone>>,
        limit: Query<Limit>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<Note>>, ApiError> {
        let _ = (day.0, tone.0);
        let list = ("listNotes", &title.0);
        let after: u32 = self.cursors.decode(&list, cursor.0)?.unwrap_or(0);
        let found = (after + 1..=45).take(limit.get() + 1).map(|id| note(&id.to_string())).collect();
        Ok(SerdeJson(self.cursors.page(found, limit.0, &list, |last: &Note| last.id.parse::<u32>().unwrap())))
    }

    /// Create a note
    #[oai(path = "/notes", method = "post", operation_id = "createNote")]
    async fn create(
        &self,
        #[oai(scope = "PROFILE")] caller: edge::SignedIn,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        new: Json<NewNote>,
    ) -> Result<Created<Note>, ApiError> {
        let _call = caller.call_with(key.0.as_ref(), "createNote", "me");
        if new.0.title == "taken" {
            let refused: Result<(), group::Failure<()>> = Err(group::Failure::Refused(()));
            let problem = |()| Problem::new(&TITLE_TAKEN).with("alternatives", &["free"]);
            refused.map_err(|failure| edge::api_error(failure, problem))?;
        }
        Ok(Created::new("/v1/notes/1", 1, note("1")))
    }

    /// Change the wall
    #[oai(path = "/wall", method = "patch", operation_id = "updateWall")]
    async fn wall(
        &self,
        _caller: edge::Caller,
        change: MergePatch<WallChange>,
    ) -> Result<Json<WallChanged>, ApiError> {
        Ok(Json(WallChanged { change: format!("{:?}", change.0) }))
    }

    /// One note
    #[oai(path = "/notes/:note_id", method = "get", operation_id = "getNote")]
    async fn get(
        &self,
        caller: edge::Caller,
        /// The note's id
        note_id: Path<String>,
    ) -> Result<WithETag<Note>, ApiError> {
        match note_id.0.as_str() {
            "panic" => panic!("a handler that panics"),
            "slow" => tokio::time::sleep(Duration::from_millis(300)).await,
            "never" => std::future::pending().await,
            "request-id" => return Ok(WithETag::new(1, note(caller.request_id()))),
            "busy" => {
                let unavailable = group::Unavailable { why: group::Why::NoLeader, retry_after_secs: 3 };
                return Err(edge::api_error(group::Failure::<()>::Unavailable(unavailable), |()| {
                    Problem::new(&problem_types::GONE)
                }));
            }
            "scope" => {
                let forbidden = group::Failure::<()>::Forbidden(vec!["profile".to_owned()]);
                return Err(edge::api_error(forbidden, |()| Problem::new(&problem_types::GONE)));
            }
            _ => {}
        }
        Ok(WithETag::new(7, note(&note_id)))
    }

    /// Change a note
    #[oai(path = "/notes/:note_id", method = "patch", operation_id = "updateNote")]
    async fn update(
        &self,
        #[oai(scope = "PROFILE")] _caller: edge::SignedIn,
        #[oai(name = "If-Match")] if_match: Header<Option<IfMatch>>,
        /// The note's id
        note_id: Path<String>,
    ) -> Result<WithETag<Note>, ApiError> {
        match edge::expected_version(if_match.0.as_ref())? {
            None | Some(7) => Ok(WithETag::new(8, note(&note_id))),
            Some(_) => Err(ApiError::precondition_failed()),
        }
    }
}

/// A server with the API, small limits and pages.
pub fn server() -> edge::Server {
    let settings = edge::Settings {
        public_url: "https://inn.example".to_owned(),
        cors_origins: vec!["https://app.example".to_owned()],
        body_bytes_max: 4096,
        deadline: Duration::from_millis(500),
        shutdown: Duration::from_secs(5),
        ..edge::Settings::default()
    };
    let raw = poem::endpoint::make_sync(|_| StatusCode::IM_A_TEAPOT);
    let pages = poem::Route::new().at("/", poem::endpoint::make_sync(|_| poem::web::Html("home".to_owned())));
    edge::Server::new(settings)
        .service("notes", "Notes", Api { cursors: Cursors::random() })
        .problems(ALL)
        .route("/v1/raw", raw)
        .body_limit("/v1/raw", 10_000)
        .pages(pages)
        .error_page(|problem, id| format!("<p>{} {id}", problem.kind().title))
        .authorize_metrics(|caller| async move { caller.token().is_some_and(|token| &**token == "operator") })
        .ready(|| async { Err("notes/0 has no leader".to_owned()) })
}

/// A response with its body.
pub struct Answer {
    pub status: u16,
    pub headers: poem::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(mut response: Response) -> Self {
        let bytes = response.take_body().into_bytes().await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// The problem. Checks that it is well-formed.
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["instance"], self.header("x-request-id"), "{problem}");
        assert!(
            problem["title"].is_string() && problem["type"].as_str().unwrap().starts_with("/problems/"),
            "{problem}"
        );
        problem
    }

    pub fn slug(&self) -> String {
        self.problem()["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned()
    }
}

/// A request: method, path, headers, body.
pub async fn ask(
    server: &impl Endpoint<Output = Response>,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path.parse().unwrap());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        "" => request.finish(),
        body => request.header("content-length", body.len()).body(body.to_owned()),
    };
    Answer::of(server.get_response(request).await).await
}
