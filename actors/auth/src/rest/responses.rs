//! Responses of the token, introspection, revocation and device authorization endpoints.

use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

/// An access token response (RFC 6749 §5.1).
#[derive(Debug, Clone, Object)]
pub struct TokenResponse {
    /// The value for `Authorization: Bearer …`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// Can be used once to get the next pair of tokens. Absent for the client credentials grant.
    #[oai(skip_serializing_if_is_none)]
    pub refresh_token: Option<String>,
    /// Scopes of the access token, separated by spaces.
    pub scope: String,
}

/// An introspection response (RFC 7662 §2.2). An inactive token has no other properties.
#[derive(Debug, Clone, Object, Default)]
pub struct IntrospectionResponse {
    /// Whether the token is valid now.
    pub active: bool,
    /// Scopes, separated by spaces.
    #[oai(skip_serializing_if_is_none)]
    pub scope: Option<String>,
    /// The client to which the token was issued.
    #[oai(skip_serializing_if_is_none)]
    pub client_id: Option<String>,
    /// The subject.
    #[oai(skip_serializing_if_is_none)]
    pub sub: Option<String>,
    /// `Bearer` or `refresh_token`.
    #[oai(skip_serializing_if_is_none)]
    pub token_type: Option<String>,
    /// Expiry, in seconds since 1970.
    #[oai(skip_serializing_if_is_none)]
    pub exp: Option<i64>,
    /// Time of issue, in seconds since 1970.
    #[oai(skip_serializing_if_is_none)]
    pub iat: Option<i64>,
    /// The token's id.
    #[oai(skip_serializing_if_is_none)]
    pub jti: Option<String>,
    /// The issuer.
    #[oai(skip_serializing_if_is_none)]
    pub iss: Option<String>,
    /// The audience.
    #[oai(skip_serializing_if_is_none)]
    pub aud: Option<String>,
    /// The user or guest on whose behalf a service acts.
    #[oai(skip_serializing_if_is_none)]
    pub obo: Option<String>,
}

/// A device authorization response (RFC 8628 §3.2).
#[derive(Debug, Clone, Object)]
pub struct DeviceAuthorizationResponse {
    /// The device code, with which the device polls.
    pub device_code: String,
    /// The code that the user enters.
    pub user_code: String,
    /// Where the user enters the code.
    pub verification_uri: String,
    /// `verification_uri` with the code as a parameter.
    pub verification_uri_complete: String,
    /// Seconds until both codes expire.
    pub expires_in: i64,
    /// Minimum number of seconds between two polls.
    pub interval: u32,
}

/// A JSON response with `Cache-Control: no-store`, because it contains a secret or information about one.
#[derive(Debug, Clone)]
pub struct NoStore<T>(pub T);

impl<T: ToJSON> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::PRAGMA, "no-cache")
            .body(self.0.to_json_string())
    }
}

impl<T: ToJSON + Type> ApiResponse for NoStore<T> {
    fn meta() -> MetaResponses {
        described("OK (must not be cached)", "application/json", T::schema_ref())
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

pub(super) fn described(
    description: &'static str,
    content_type: &'static str,
    schema: MetaSchemaRef,
) -> MetaResponses {
    let content = vec![MetaMediaType { content_type, schema }];
    let response =
        MetaResponse { description, status: Some(200), status_range: None, content, headers: Vec::new() };
    MetaResponses { responses: vec![response] }
}

/// An empty response with status 200 (RFC 7009 §2.2).
#[derive(Debug, Clone, Copy)]
pub struct Revoked;

impl IntoResponse for Revoked {
    fn into_response(self) -> Response {
        Response::builder().header(header::CACHE_CONTROL, "no-store").finish()
    }
}

impl ApiResponse for Revoked {
    fn meta() -> MetaResponses {
        let description = "The token is revoked, or was never valid";
        let response = MetaResponse {
            description,
            status: Some(200),
            status_range: None,
            content: Vec::new(),
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_registry: &mut Registry) {}
}
