//! Problem details (RFC 9457), the body of all error responses.

use std::borrow::Cow;

use poem::{IntoResponse, Response, http::HeaderValue, http::StatusCode, http::header};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// A problem type.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProblemType {
    /// The last segment of its `type` URI: `/problems/SLUG`.
    pub slug: &'static str,
    /// A short summary.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
}

/// Declares the problem types of a crate, and `ALL`, the list of them.
///
/// ```
/// edge::problems! {
///     /// A room type is sold out on a night of the stay.
///     SOLD_OUT = "sold-out", "No rooms left", 409;
///     OFFER_EXPIRED = "offer-expired", "The offer has expired", 410;
/// }
/// assert_eq!(ALL[0].slug, SOLD_OUT.slug);
/// ```
#[macro_export]
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $title:literal, $status:literal;)+) => {
        $($(#[$doc])* pub static $name: $crate::ProblemType =
            $crate::ProblemType { slug: $slug, title: $title, status: $status };)+
        /// All problem types of this module.
        pub static ALL: &[&$crate::ProblemType] = &[$(&$name),+];
    };
}

/// The problem types that any operation may return.
#[allow(missing_docs)]
pub mod problem_types {
    crate::problems! {
        BAD_REQUEST = "bad-request", "The request is malformed", 400;
        INVALID = "invalid-request", "Some fields of the request are invalid", 400;
        BAD_CURSOR = "bad-cursor", "The cursor is not valid for this list", 400;
        UNAUTHENTICATED = "unauthenticated", "A valid access token is required", 401;
        FORBIDDEN = "forbidden", "The operation is not allowed", 403;
        INSUFFICIENT_SCOPE = "insufficient-scope", "The access token lacks a scope", 403;
        NOT_FOUND = "not-found", "The resource does not exist", 404;
        METHOD_NOT_ALLOWED = "method-not-allowed", "The method is not allowed for this path", 405;
        NOT_ACCEPTABLE = "not-acceptable", "No acceptable representation exists", 406;
        TIMED_OUT = "request-timeout", "The request was not received in time", 408;
        CONFLICT = "conflict", "The request conflicts with the current state", 409;
        KEY_REUSED = "idempotency-key-reused", "The idempotency key was used for another request", 409;
        GONE = "gone", "The resource is no longer available", 410;
        PRECONDITION_FAILED = "precondition-failed", "The resource has changed", 412;
        TOO_LARGE = "too-large", "The request body is too large", 413;
        URI_TOO_LONG = "uri-too-long", "The request's URI is too long", 414;
        UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", "The media type is not supported", 415;
        EXPECTATION_FAILED = "expectation-failed", "The expectation is not supported", 417;
        UNPROCESSABLE = "unprocessable", "The request cannot be processed", 422;
        RATE_LIMITED = "rate-limited", "Too many requests", 429;
        HEADERS_TOO_LARGE = "headers-too-large", "The request's headers are too large", 431;
        INTERNAL = "internal", "Internal server error", 500;
        UNAVAILABLE = "unavailable", "The service is temporarily unavailable", 503;
        OTHER_CLIENT = "client-error", "The request was refused", 400;
    }
}

/// A sorted table of problem types, one in each line, for golden tests.
pub fn problem_table(kinds: &[&ProblemType]) -> String {
    let mut lines: Vec<String> =
        kinds.iter().map(|kind| format!("{} {}: {}\n", kind.status, kind.slug, kind.title)).collect();
    lines.sort();
    lines.concat()
}

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the body, or `/NAME` of a parameter.
    pub pointer: String,
    /// Why the field is invalid. It must not contain the field's value.
    pub detail: String,
}

impl FieldError {
    /// The longest name that is reported, in bytes.
    const NAME_BYTES_MAX: usize = 64;

    /// An error of the member `name` of `parent`. Only plain names are reported: others may be values in the wrong place.
    pub fn named(parent: &str, name: &str, detail: &str) -> Self {
        let plain = (1..=Self::NAME_BYTES_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]$".contains(&byte));
        if plain {
            Self { pointer: format!("{parent}/{name}"), detail: detail.to_owned() }
        } else {
            Self { pointer: parent.to_owned(), detail: format!("a member is {detail}") }
        }
    }
}

/// An occurrence of a problem type.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    kind: &'static ProblemType,
    status: u16,
    detail: Option<Cow<'static, str>>,
    instance: Option<String>,
    errors: Vec<FieldError>,
    more: Map<String, Value>,
    retry_after_secs: Option<u32>,
}

impl Problem {
    /// A problem of this type without details.
    pub fn new(kind: &'static ProblemType) -> Self {
        let (detail, instance, errors, more) = (None, None, Vec::new(), Map::new());
        Self { kind, status: kind.status, detail, instance, errors, more, retry_after_secs: None }
    }

    /// The problem of a bare HTTP status.
    pub fn of_status(status: StatusCode) -> Self {
        let kind = problem_types::ALL.iter().find(|kind| kind.status == status.as_u16());
        let other =
            if status.is_server_error() { &problem_types::INTERNAL } else { &problem_types::OTHER_CLIENT };
        Self { status: status.as_u16(), ..Self::new(kind.copied().unwrap_or(other)) }
    }

    /// Explains this occurrence to a human. It must not contain secrets or internals.
    #[must_use]
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds an invalid field, by JSON pointer: `/guest/email`.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Adds several invalid fields.
    #[must_use]
    pub fn fields(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// An extension member, such as `alternatives`.
    ///
    /// # Panics
    /// When `value` cannot be serialised: a programming error.
    #[must_use]
    pub fn with(mut self, member: &str, value: &impl serde::Serialize) -> Self {
        self.more.insert(member.to_owned(), serde_json::to_value(value).expect("a value that serialises"));
        self
    }

    /// Sets the seconds after which the client may retry.
    #[must_use]
    pub fn retry_after(self, secs: u32) -> Self {
        Self { retry_after_secs: Some(secs), ..self }
    }

    /// Sets the id of the request.
    #[must_use]
    pub fn instance(self, request_id: &str) -> Self {
        Self { instance: Some(request_id.to_owned()), ..self }
    }

    /// The problem type.
    pub fn kind(&self) -> &'static ProblemType {
        self.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The explanation of this occurrence, if there is one.
    pub fn detail_text(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The invalid fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    fn challenge(&self) -> Option<&'static str> {
        match self.kind.slug {
            "unauthenticated" if self.detail.is_some() => {
                Some("Bearer realm=\"auberge\", error=\"invalid_token\"")
            }
            "insufficient-scope" => Some("Bearer realm=\"auberge\", error=\"insufficient_scope\""),
            _ if self.status == 401 => Some("Bearer realm=\"auberge\""),
            _ => None,
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format!("/problems/{}", self.kind.slug))?;
        map.serialize_entry("title", self.kind.title)?;
        map.serialize_entry("status", &self.status)?;
        if let Some(detail) = &self.detail {
            map.serialize_entry("detail", detail)?;
        }
        if let Some(instance) = &self.instance {
            map.serialize_entry("instance", instance)?;
        }
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        for (member, value) in &self.more {
            map.serialize_entry(member, value)?;
        }
        map.end()
    }
}

impl Type for Problem {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference("Problem".to_owned())
    }

    fn register(registry: &mut Registry) {
        let text = |description| described(MetaSchema::new("string"), description);
        registry.create_schema::<FieldError, _>("FieldProblem".to_owned(), |_| MetaSchema {
            title: Some("FieldProblem".to_owned()),
            description: Some("An invalid field."),
            required: vec!["pointer", "detail"],
            properties: vec![
                ("pointer", text("A JSON pointer into the body, or `/NAME` of a parameter.")),
                ("detail", text("Why the field is invalid.")),
            ],
            ..MetaSchema::new("object")
        });
        registry.create_schema::<Self, _>("Problem".to_owned(), |_| MetaSchema {
            title: Some("Problem".to_owned()),
            description: Some("Problem details (RFC 9457). Some problem types have additional members."),
            required: vec!["type", "title", "status"],
            properties: vec![
                ("type", text("The problem type, as a relative URI: `/problems/not-found`.")),
                ("title", text("A short summary of the problem type.")),
                ("status", described(MetaSchema::new_with_format("integer", "int32"), "The HTTP status.")),
                ("detail", text("An explanation of this occurrence.")),
                ("instance", text("The id of the request, as in `X-Request-Id`.")),
                (
                    "errors",
                    described(
                        MetaSchema {
                            items: Some(Box::new(MetaSchemaRef::Reference("FieldProblem".to_owned()))),
                            ..MetaSchema::new("array")
                        },
                        "The invalid fields.",
                    ),
                ),
            ],
            additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)))),
            ..MetaSchema::new("object")
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

fn described(schema: MetaSchema, description: &'static str) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema { description: Some(description), ..schema }))
}

/// A problem as a payload: `application/problem+json`.
#[derive(Debug, Clone)]
pub struct ProblemJson(pub Problem);

impl ProblemJson {
    /// The media type.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";
}

impl Payload for ProblemJson {
    const CONTENT_TYPE: &'static str = Self::MEDIA_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        Problem::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

impl IntoResponse for ProblemJson {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).expect("problems serialise");
        let mut response =
            Response::builder().status(self.0.status()).content_type(Self::MEDIA_TYPE).body(body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(secs) = self.0.retry_after_secs {
            headers.insert(header::RETRY_AFTER, secs.into());
        }
        if let Some(challenge) = self.0.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        // The server's middleware writes the body again, with the request's id.
        response.set_data(self.0);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_types_are_stable() {
        insta::assert_snapshot!(problem_table(problem_types::ALL), @r##"
        400 bad-cursor: The cursor is not valid for this list
        400 bad-request: The request is malformed
        400 client-error: The request was refused
        400 invalid-request: Some fields of the request are invalid
        401 unauthenticated: A valid access token is required
        403 forbidden: The operation is not allowed
        403 insufficient-scope: The access token lacks a scope
        404 not-found: The resource does not exist
        405 method-not-allowed: The method is not allowed for this path
        406 not-acceptable: No acceptable representation exists
        408 request-timeout: The request was not received in time
        409 conflict: The request conflicts with the current state
        409 idempotency-key-reused: The idempotency key was used for another request
        410 gone: The resource is no longer available
        412 precondition-failed: The resource has changed
        413 too-large: The request body is too large
        414 uri-too-long: The request's URI is too long
        415 unsupported-media-type: The media type is not supported
        417 expectation-failed: The expectation is not supported
        422 unprocessable: The request cannot be processed
        429 rate-limited: Too many requests
        431 headers-too-large: The request's headers are too large
        500 internal: Internal server error
        503 unavailable: The service is temporarily unavailable
        "##);
    }

    #[test]
    fn members_have_the_order_of_the_rfc() {
        let problem = Problem::new(&problem_types::CONFLICT)
            .detail("D")
            .field("/a", "wrong")
            .with("extra", &1)
            .instance("i");
        let members = r#"{"type":"/problems/conflict","title":"The request conflicts with the current state","status":409,"detail":"D","instance":"i","errors":[{"pointer":"/a","detail":"wrong"}],"extra":1}"#;
        assert_eq!(serde_json::to_string(&problem).unwrap(), members);
    }

    #[test]
    fn every_error_status_has_a_type() {
        for status in (400..600).filter_map(|status| StatusCode::from_u16(status).ok()) {
            let problem = Problem::of_status(status);
            assert_eq!(problem.status(), status);
            assert_eq!(problem.kind().status >= 500, status.is_server_error(), "{status}");
        }
    }
}
