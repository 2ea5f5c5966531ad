//! Answers with a status or headers of their own, and answers that are files.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::ToJSON;

use crate::etag::ETag;
use crate::payload::{JSON, answer, bytes_of};

const LOCATION: (&str, &str) = ("Location", "Where it is");
const ETAG: (&str, &str) = ("ETag", "Its version, for `If-Match`");
const DISPOSITION: (&str, &str) = ("Content-Disposition", "The file's name");

fn with_headers(mut meta: MetaResponses, headers: &[(&str, &str)]) -> MetaResponses {
    let header = |(name, description): &(&str, &str)| MetaHeader {
        name: (*name).to_owned(),
        description: Some((*description).to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    };
    meta.responses[0].headers = headers.iter().map(header).collect();
    meta
}

fn json(status: StatusCode, body: Vec<u8>, headers: [(header::HeaderName, String); 2]) -> Response {
    let mut response = Response::builder().status(status).content_type(JSON).body(body);
    for (name, value) in headers {
        // Made of ids and versions; a value that no header can carry is left out rather than sent maimed.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// 201: made, with where it is and its version.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// The path of what was made: `/v1/reservations/rsv_…`.
    pub location: String,
    /// Its tag.
    pub etag: ETag,
    /// The thing itself.
    pub value: T,
}

impl<T> Created<T> {
    /// Something new, at a path, in a version.
    pub fn new(location: impl Into<String>, version: u64, value: T) -> Self {
        Self { location: location.into(), etag: ETag::version(version), value }
    }
}

impl<T: ToJSON> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let headers = [(header::LOCATION, self.location), (header::ETAG, self.etag.to_string())];
        json(StatusCode::CREATED, bytes_of(&self.value), headers)
    }
}

impl<T: ToJSON> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        with_headers(answer("Made", 201, JSON, T::schema_ref()), &[LOCATION, ETAG])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 202: begun, with where to watch it.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// The path of what goes on.
    pub location: String,
    /// How it stands.
    pub value: T,
}

impl<T: ToJSON> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let headers = [(header::LOCATION, self.location), (header::RETRY_AFTER, "1".to_owned())];
        json(StatusCode::ACCEPTED, bytes_of(&self.value), headers)
    }
}

impl<T: ToJSON> ApiResponse for Accepted<T> {
    fn meta() -> MetaResponses {
        with_headers(answer("Begun", 202, JSON, T::schema_ref()), &[LOCATION])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 200 with the version of what is answered.
#[derive(Debug, Clone)]
pub struct Tagged<T> {
    /// Its tag.
    pub etag: ETag,
    /// The thing itself.
    pub value: T,
}

impl<T> Tagged<T> {
    /// Something in a version.
    pub fn new(version: u64, value: T) -> Self {
        Self { etag: ETag::version(version), value }
    }
}

impl<T: ToJSON> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        // What belongs to a caller may be kept by nobody else, and must be asked for again each time.
        let headers =
            [(header::ETAG, self.etag.to_string()), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
        json(StatusCode::OK, bytes_of(&self.value), headers)
    }
}

impl<T: ToJSON> ApiResponse for Tagged<T> {
    fn meta() -> MetaResponses {
        with_headers(answer("Done", 200, JSON, T::schema_ref()), &[ETAG])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 204: done, and nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl ApiResponse for NoContent {
    fn meta() -> MetaResponses {
        let (status, status_range) = (Some(204), None);
        let (content, headers) = (Vec::new(), Vec::new());
        MetaResponses {
            responses: vec![MetaResponse { description: "Done", status, status_range, content, headers }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

macro_rules! file {
    ($(#[$doc:meta])* $name:ident, $media_type:literal, $served:literal, $disposition:literal, $schema:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// What the file is called when it is kept; made of ids, never of what a user typed.
            pub name: String,
            /// Its content.
            pub bytes: Vec<u8>,
        }

        impl IntoResponse for $name {
            fn into_response(self) -> Response {
                let sound = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
                let name: String = self.name.chars().filter(sound).collect();
                Response::builder()
                    .content_type($served)
                    .header(header::CONTENT_DISPOSITION, format!("{}; filename=\"{name}\"", $disposition))
                    .header(header::CACHE_CONTROL, "private, no-store")
                    .body(self.bytes)
            }
        }

        impl ApiResponse for $name {
            fn meta() -> MetaResponses {
                with_headers(answer("The file", 200, $media_type, MetaSchemaRef::Inline(Box::new($schema))), &[DISPOSITION])
            }

            fn register(_registry: &mut Registry) {}
        }
    };
}

file!(
    /// A PDF, shown by browsers in place.
    Pdf, "application/pdf", "application/pdf", "inline", MetaSchema::new_with_format("string", "binary")
);
file!(
    /// A calendar file (iCalendar), kept by browsers.
    Calendar, "text/calendar", "text/calendar; charset=utf-8", "attachment", MetaSchema::new("string")
);
