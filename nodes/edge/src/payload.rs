//! JSON bodies with the media type `application/json` without parameters, which client generators expect.

use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::error::ContentTypeError;
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;

use crate::error::ApiError;
use crate::json::parse_json;
use crate::problem::{Problem, problem_types};
use crate::validate::{self, Nulls};

pub(crate) const JSON: &str = "application/json";
/// The initial capacity of a [`SerdeJson`] body, in bytes: enough for most lists, so that the buffer need not grow.
const CAPACITY_BYTES: usize = 12 << 10;

/// A JSON body of a request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// A JSON body with changes (JSON Merge Patch, RFC 7396): absent members are unchanged. `null` clears a member that is
/// documented as nullable (`#[oai(nullable)] phone: MaybeUndefined<String>`), and is refused for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergePatch<T>(pub T);

/// A JSON body of a response, written by serde: half the cost of [`Json`], for lists that are requested often. The
/// `Serialize` implementation of `T` must agree with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerdeJson<T>(pub T);

/// The documentation of a response with one media type.
pub(crate) fn response_meta(
    description: &'static str,
    status: u16,
    content_type: &'static str,
    schema: MetaSchemaRef,
) -> MetaResponses {
    let content = vec![MetaMediaType { content_type, schema }];
    let headers = Vec::new();
    MetaResponses {
        responses: vec![MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers,
        }],
    }
}

/// Encodes a value as JSON.
pub(crate) fn json_bytes<T: ToJSON>(value: &T) -> Vec<u8> {
    serde_json::to_vec(&value.to_json()).expect("values serialise")
}

/// The documentation of a request with one media type.
pub(crate) fn request_meta(content_type: &'static str, schema: MetaSchemaRef) -> MetaRequest {
    MetaRequest { description: None, content: vec![MetaMediaType { content_type, schema }], required: true }
}

/// The media type of a `Content-Type` header, without parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a body is JSON, which is UTF-8 (RFC 8259, 8.1).
fn is_json(content_type: &str) -> bool {
    let bare = media_type(content_type).to_ascii_lowercase();
    let json = bare == JSON
        || bare.strip_prefix("application/").is_some_and(|of| of.len() > 5 && of.ends_with("+json"));
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let other_charset = parameters.any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset")
            && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    json && !other_charset
}

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = JSON;

    fn check_content_type(content_type: &str) -> bool {
        is_json(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON> ParsePayload for Json<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(Self(parse(&bytes, Nulls::Absent)?))
    }
}

/// Parses a value. The error names each invalid field.
pub(crate) fn parse<T: ParseFromJSON>(bytes: &[u8], nulls: Nulls) -> Result<T, ApiError> {
    let (value, mut wrong) = parse_json(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => ApiError::bad_request("The body is truncated JSON."),
        _ => ApiError::bad_request(format!(
            "The body is not valid JSON at line {}, column {}.",
            error.line(),
            error.column()
        )),
    })?;
    let invalid = |wrong| ApiError::from(Problem::new(&problem_types::INVALID).fields(wrong));
    wrong.extend(validate::against_schema::<T>(&value, nulls));
    if !wrong.is_empty() {
        return Err(invalid(wrong));
    }
    // Rules beyond the schema are checked by parsing.
    T::parse_from_json(Some(value)).map_err(|error| invalid(validate::from_message(error.message())))
}

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Json<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta(JSON, T::schema_ref()))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request)?;
        <Self as ParsePayload>::from_request(request, body).await
    }
}

pub(crate) fn check_content_type(request: &Request) -> Result<(), ContentTypeError> {
    match request.content_type() {
        Some(content_type) if is_json(content_type) => Ok(()),
        Some(_) => Err(ContentTypeError::NotSupported { content_type: String::new() }),
        None => Err(ContentTypeError::ExpectContentType),
    }
}

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for MergePatch<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let description =
            "Changes (RFC 7396): absent members are unchanged, and `null` clears those that are nullable.";
        Some(MetaRequest { description: Some(description), ..request_meta(JSON, T::schema_ref()) })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request)?;
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(Self(parse(&bytes, Nulls::Refused)?))
    }
}

impl<T: ToJSON> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(JSON).body(json_bytes(&self.0))
    }
}

impl<T: ToJSON> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        response_meta("Success", 200, JSON, T::schema_ref())
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> Payload for SerdeJson<T> {
    const CONTENT_TYPE: &'static str = JSON;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for SerdeJson<T> {
    fn into_response(self) -> Response {
        let mut bytes = Vec::with_capacity(CAPACITY_BYTES);
        serde_json::to_writer(&mut bytes, &self.0).expect("values serialise");
        Response::builder().content_type(JSON).body(bytes)
    }
}

impl<T: Type + Serialize> ApiResponse for SerdeJson<T> {
    fn meta() -> MetaResponses {
        response_meta("Success", 200, JSON, T::schema_ref())
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
