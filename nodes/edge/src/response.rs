//! Responses with a status or headers of their own, and files.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::ToJSON;

use crate::etag::ETag;
use crate::payload::{JSON, json_bytes, response_meta};

const LOCATION: (&str, &str) = ("Location", "The path of the resource");
const ETAG: (&str, &str) = ("ETag", "The version of the resource, for `If-Match`");
const DISPOSITION: (&str, &str) = ("Content-Disposition", "The name of the file");

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
        // Values consist of ids and versions. One that is not valid in a header is omitted.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// 201: the resource was created. With its path and version.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// The path of the resource: `/v1/notes/7`.
    pub location: String,
    pub etag: ETag,
    /// The resource.
    pub value: T,
}

impl<T> Created<T> {
    /// A resource that was created.
    pub fn new(location: impl Into<String>, version: u64, value: T) -> Self {
        Self { location: location.into(), etag: ETag::version(version), value }
    }
}

impl<T: ToJSON> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let headers = [(header::LOCATION, self.location), (header::ETAG, self.etag.to_string())];
        json(StatusCode::CREATED, json_bytes(&self.value), headers)
    }
}

impl<T: ToJSON> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        with_headers(response_meta("Created", 201, JSON, T::schema_ref()), &[LOCATION, ETAG])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 202: the operation has begun. With the path of its state.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// The path of the operation's state.
    pub location: String,
    /// The operation's state.
    pub value: T,
}

impl<T: ToJSON> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let headers = [(header::LOCATION, self.location), (header::RETRY_AFTER, "1".to_owned())];
        json(StatusCode::ACCEPTED, json_bytes(&self.value), headers)
    }
}

impl<T: ToJSON> ApiResponse for Accepted<T> {
    fn meta() -> MetaResponses {
        with_headers(response_meta("Accepted", 202, JSON, T::schema_ref()), &[LOCATION])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 200 with the version of the resource.
#[derive(Debug, Clone)]
pub struct WithETag<T> {
    pub etag: ETag,
    /// The resource.
    pub value: T,
}

impl<T> WithETag<T> {
    /// A resource in a version.
    pub fn new(version: u64, value: T) -> Self {
        Self { etag: ETag::version(version), value }
    }
}

impl<T: ToJSON> IntoResponse for WithETag<T> {
    fn into_response(self) -> Response {
        // The response is for this caller: shared caches must not store it, and the client must revalidate it.
        let headers =
            [(header::ETAG, self.etag.to_string()), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
        json(StatusCode::OK, json_bytes(&self.value), headers)
    }
}

impl<T: ToJSON> ApiResponse for WithETag<T> {
    fn meta() -> MetaResponses {
        with_headers(response_meta("Success", 200, JSON, T::schema_ref()), &[ETAG])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 204: success without a body.
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
            responses: vec![MetaResponse { description: "Success", status, status_range, content, headers }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

macro_rules! file {
    ($(#[$doc:meta])* $name:ident, $media_type:literal, $served:literal, $disposition:literal, $schema:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// The name under which clients save the file. Made of ids, not of user input.
            pub name: String,
            pub bytes: Vec<u8>,
        }

        impl IntoResponse for $name {
            fn into_response(self) -> Response {
                let safe = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
                let name: String = self.name.chars().filter(safe).collect();
                Response::builder()
                    .content_type($served)
                    .header(header::CONTENT_DISPOSITION, format!("{}; filename=\"{name}\"", $disposition))
                    .header(header::CACHE_CONTROL, "private, no-store")
                    .body(self.bytes)
            }
        }

        impl ApiResponse for $name {
            fn meta() -> MetaResponses {
                with_headers(response_meta("The file", 200, $media_type, MetaSchemaRef::Inline(Box::new($schema))), &[DISPOSITION])
            }

            fn register(_registry: &mut Registry) {}
        }
    };
}

file!(
    /// A PDF that browsers display.
    Pdf, "application/pdf", "application/pdf", "inline", MetaSchema::new_with_format("string", "binary")
);
file!(
    /// A calendar file (iCalendar) that browsers save.
    Calendar, "text/calendar", "text/calendar; charset=utf-8", "attachment", MetaSchema::new("string")
);
