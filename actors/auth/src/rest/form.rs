//! Forms and query strings of OAuth requests: parameters must not be repeated, and empty parameters are treated as
//! omitted (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;
use std::marker::PhantomData;

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::error::OAuthError;

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The longest body or query string, in bytes.
const BYTES_MAX: usize = 16 * 1024;

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
    repeated: Option<String>,
}

impl Parameters {
    /// Parses `a=1&b=2`.
    pub fn parse(encoded: &[u8]) -> Self {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            if value.is_empty() {
                continue;
            }
            if parameters.values.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                parameters.repeated.get_or_insert(name.into_owned());
            }
        }
        parameters
    }

    /// The parameter, or `None` if it is empty or missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether a parameter is repeated.
    pub fn is_repeated(&self) -> bool {
        self.repeated.is_some()
    }

    /// The parameter.
    ///
    /// # Errors
    /// `invalid_request` if it is empty or missing.
    pub fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::invalid_request(format!("`{name}` is missing.")))
    }

    /// The requested scopes.
    pub fn scopes(&self) -> Vec<String> {
        self.get("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
    }
}

/// A form body, whose fields are documented by `T`. Errors are returned by [`Form::checked`], so that each operation can
/// report them in its own format.
#[derive(Debug)]
pub(super) struct Form<T> {
    pub parameters: Result<Parameters, OAuthError>,
    fields: PhantomData<fn() -> T>,
}

impl<T> Form<T> {
    /// The parameters.
    ///
    /// # Errors
    /// `invalid_request` if the body is not a form or a parameter is repeated.
    pub fn checked(self) -> Result<Parameters, OAuthError> {
        let parameters = self.parameters?;
        match parameters.is_repeated() {
            true => Err(OAuthError::invalid_request("A parameter is repeated.")),
            false => Ok(parameters),
        }
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
        let content = vec![MetaMediaType { content_type: MEDIA_TYPE, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bare = request.content_type().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let parameters = if bare.eq_ignore_ascii_case(MEDIA_TYPE) {
            let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
            match bytes.len() <= BYTES_MAX {
                true => Ok(Parameters::parse(&bytes)),
                false => Err(OAuthError::invalid_request("The form is too long.")),
            }
        } else {
            Err(OAuthError::invalid_request(format!("The body must be {MEDIA_TYPE}.")))
        };
        Ok(Self { parameters, fields: PhantomData })
    }
}

/// The parameters of a query string.
pub(super) fn query_of(request: &Request) -> Parameters {
    let query = request.uri().query().unwrap_or_default();
    if query.len() > BYTES_MAX { Parameters::default() } else { Parameters::parse(query.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_parsed_and_repetition_is_detected() {
        let parsed = Parameters::parse(b"a=1&b=x+y%26z&c=&scope=%20p++q%20");
        assert_eq!(
            (parsed.get("a"), parsed.get("b"), parsed.get("c"), parsed.get("d")),
            (Some("1"), Some("x y&z"), None, None)
        );
        assert_eq!(parsed.scopes(), ["p", "q"]);
        assert!(!parsed.is_repeated());
        assert!(Parameters::parse(b"a=1&a=1").is_repeated());
        assert!(!Parameters::parse(b"a=&a=1").is_repeated());
    }
}
