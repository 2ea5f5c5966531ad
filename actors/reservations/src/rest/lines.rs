//! A request body with one JSON object per line. The client's content type is ignored.

use edge::{ApiError, Problem, problem_types};
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::import::BYTES_MAX;

/// The text of a body of at most [`BYTES_MAX`].
pub(super) struct Lines(pub String);

impl<'a> ApiExtractor<'a> for Lines {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchema {
            description: Some("One JSON object per line; see NewProperty for its fields."),
            ..MetaSchema::new("string")
        };
        let schema = MetaSchemaRef::Inline(Box::new(schema));
        let content = vec![MetaMediaType { content_type: "application/x-ndjson", schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        _: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let bytes = body.take()?.into_bytes_limit(BYTES_MAX).await;
        let large = |_| {
            ApiError::from(
                Problem::new(&problem_types::TOO_LARGE).detail("A request takes at most 1 MiB of lines."),
            )
        };
        let text = String::from_utf8(bytes.map_err(large)?.into());
        Ok(Self(text.map_err(|_| ApiError::bad_request("The lines are not UTF-8."))?))
    }
}
