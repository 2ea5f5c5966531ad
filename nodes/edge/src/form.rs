//! Forms and query strings, for operations whose RFC requires them in place of JSON.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::payload::{media_type, request_meta};

const FORM: &str = "application/x-www-form-urlencoded";

/// The longest body or query string, in bytes.
const BYTES_MAX: usize = 16 * 1024;

/// Parameters by name. Empty parameters are treated as omitted, and repeated ones are detected (RFC 6749 §3.1, §3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    is_repeated: bool,
}

impl Parameters {
    /// Parses `a=1&b=2`.
    pub fn parse(encoded: &[u8]) -> Self {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            if !value.is_empty() {
                let earlier = parameters.values.insert(name.into_owned(), value.into_owned());
                parameters.is_repeated |= earlier.is_some();
            }
        }
        parameters
    }

    /// The parameters of a query string. None if it is too long.
    pub fn of_query(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        if query.len() > BYTES_MAX { Self::default() } else { Self::parse(query.as_bytes()) }
    }

    /// The parameter, or `None` if it is empty or missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether a parameter is repeated.
    pub fn is_repeated(&self) -> bool {
        self.is_repeated
    }
}

/// Why a body is not a valid form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum FormError {
    #[error("The body must be {FORM}.")]
    MediaType,
    #[error("The form is too long.")]
    TooLong,
    #[error("A parameter is repeated.")]
    RepeatedParameter,
}

/// A form body, whose fields are documented by `T`. Errors are returned by [`Form::checked`], so that each operation can
/// report them in its own format.
#[derive(Debug)]
pub struct Form<T> {
    parameters: Result<Parameters, FormError>,
    fields: PhantomData<fn() -> T>,
}

impl<T> Form<T> {
    /// The parameters.
    ///
    /// # Errors
    /// If the body is not a form or is too long, or if a parameter is repeated.
    pub fn checked(self) -> Result<Parameters, FormError> {
        let parameters = self.parameters?;
        if parameters.is_repeated() { Err(FormError::RepeatedParameter) } else { Ok(parameters) }
    }
}

impl<'a, T: Type> ApiExtractor<'a> for Form<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta(FORM, T::schema_ref()))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let content_type = media_type(request.content_type().unwrap_or_default());
        let parameters = if content_type.eq_ignore_ascii_case(FORM) {
            let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
            if bytes.len() <= BYTES_MAX { Ok(Parameters::parse(&bytes)) } else { Err(FormError::TooLong) }
        } else {
            Err(FormError::MediaType)
        };
        Ok(Self { parameters, fields: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_parsed_and_repetition_is_detected() {
        let parsed = Parameters::parse(b"a=1&b=x+y%26z&c=");
        assert_eq!(
            (parsed.get("a"), parsed.get("b"), parsed.get("c"), parsed.get("d")),
            (Some("1"), Some("x y&z"), None, None)
        );
        assert!(!parsed.is_repeated());
        assert!(Parameters::parse(b"a=1&a=1").is_repeated());
        assert!(!Parameters::parse(b"a=&a=1").is_repeated());
    }
}
