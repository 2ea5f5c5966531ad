//! What the token endpoint and its neighbours answer.

use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

/// A token (RFC 6749 §5.1).
#[derive(Debug, Clone, Object)]
pub struct TokenAnswer {
    /// What to send as `Authorization: Bearer …`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// To be exchanged once for the next pair; not for clients that act in their own name.
    #[oai(skip_serializing_if_is_none)]
    pub refresh_token: Option<String>,
    /// What the access token allows, separated by spaces.
    pub scope: String,
}

/// What a token says (RFC 7662 §2.2). Of a token that is not active nothing else is said.
#[derive(Debug, Clone, Object, Default)]
pub struct IntrospectionAnswer {
    /// Whether the token is good now.
    pub active: bool,
    /// What it allows, separated by spaces.
    #[oai(skip_serializing_if_is_none)]
    pub scope: Option<String>,
    /// Whom it was issued to.
    #[oai(skip_serializing_if_is_none)]
    pub client_id: Option<String>,
    /// Whom it speaks for.
    #[oai(skip_serializing_if_is_none)]
    pub sub: Option<String>,
    /// `Bearer` or `refresh_token`.
    #[oai(skip_serializing_if_is_none)]
    pub token_type: Option<String>,
    /// When it expires, in seconds since 1970.
    #[oai(skip_serializing_if_is_none)]
    pub exp: Option<i64>,
    /// When it was made, in seconds since 1970.
    #[oai(skip_serializing_if_is_none)]
    pub iat: Option<i64>,
    /// Its id.
    #[oai(skip_serializing_if_is_none)]
    pub jti: Option<String>,
    /// Who made it.
    #[oai(skip_serializing_if_is_none)]
    pub iss: Option<String>,
    /// For whom it was made.
    #[oai(skip_serializing_if_is_none)]
    pub aud: Option<String>,
    /// For whom a service acts.
    #[oai(skip_serializing_if_is_none)]
    pub obo: Option<String>,
}

/// A device's two codes (RFC 8628 §3.2).
#[derive(Debug, Clone, Object)]
pub struct DeviceAnswer {
    /// For the device, to poll with.
    pub device_code: String,
    /// For the person, to type.
    pub user_code: String,
    /// Where to type it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// Seconds until both expire.
    pub expires_in: i64,
    /// Seconds to wait between two polls.
    pub interval: u32,
}

/// An answer that bears a secret, or tells of one: nobody keeps it.
#[derive(Debug, Clone)]
pub struct Unkept<T>(pub T);

impl<T: ToJSON> IntoResponse for Unkept<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::PRAGMA, "no-cache")
            .body(self.0.to_json_string())
    }
}

impl<T: ToJSON + Type> ApiResponse for Unkept<T> {
    fn meta() -> MetaResponses {
        described("The answer, not to be kept by anybody between", "application/json", T::schema_ref())
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

/// 200 and nothing else (RFC 7009 §2.2).
#[derive(Debug, Clone, Copy)]
pub struct Revoked;

impl IntoResponse for Revoked {
    fn into_response(self) -> Response {
        Response::builder().header(header::CACHE_CONTROL, "no-store").finish()
    }
}

impl ApiResponse for Revoked {
    fn meta() -> MetaResponses {
        let description = "The token is void, or was never good";
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
