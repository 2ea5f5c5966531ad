//! An optional JSON body, for operations that most clients call without one.

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::error::ContentTypeError;
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::payload::{JSON, is_json, parse, request_meta};

/// The JSON body of a request, or `None` if the body is empty, whatever its content type, or `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalJson<T>(pub Option<T>);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for OptionalJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { required: false, ..request_meta(JSON, T::schema_ref()) })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        match request.content_type() {
            Some(content_type) if is_json(content_type) && bytes.trim_ascii() == b"null" => Ok(Self(None)),
            Some(content_type) if is_json(content_type) => Ok(Self(Some(parse(&bytes)?))),
            Some(_) => Err(ContentTypeError::NotSupported { content_type: String::new() }.into()),
            None => Err(ContentTypeError::ExpectContentType.into()),
        }
    }
}
