//! Authorization server metadata (RFC 8414) and public keys.

use std::sync::Arc;

use contracts::auth::ListKeys;
use contracts::scope;
use edge::{ApiError, Instant, Json};
use poem::http::header;
use poem::{IntoResponse, Request, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::clients::problem;
use super::responses::described;
use super::{Context, Tag, token};

pub(super) struct Discovery {
    pub context: Arc<Context>,
}

/// Authorization server metadata (RFC 8414 §2).
#[derive(Debug, Clone, Object)]
pub struct ServerMetadata {
    /// The issuer of tokens.
    pub issuer: String,
    /// Where clients redirect users to sign in.
    pub authorization_endpoint: String,
    /// Where clients obtain tokens.
    pub token_endpoint: String,
    /// Where clients revoke tokens.
    pub revocation_endpoint: String,
    /// Where clients introspect tokens.
    pub introspection_endpoint: String,
    /// Where devices start a device authorization.
    pub device_authorization_endpoint: String,
    /// The public keys as PASERK. Tokens are PASETO v4.public, so there are no JWKs.
    pub paserk_keys_uri: String,
    /// The documentation of this API.
    pub service_documentation: String,
    /// `code`
    pub response_types_supported: Vec<String>,
    /// `query`
    pub response_modes_supported: Vec<String>,
    /// Supported grant types.
    pub grant_types_supported: Vec<String>,
    /// `S256`
    pub code_challenge_methods_supported: Vec<String>,
    /// Supported methods of client authentication.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Supported methods of client authentication for revocation.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// Supported methods of client authentication for introspection, which public clients cannot use.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// All scopes.
    pub scopes_supported: Vec<String>,
    /// Authorization responses contain the issuer (RFC 9207).
    pub authorization_response_iss_parameter_supported: bool,
}

/// A public key.
#[derive(Debug, Clone, Object)]
pub struct PublicKey {
    /// The key's id, which is in the footer of tokens: `k4.pid.…`.
    pub id: String,
    /// The key: `k4.public.…`.
    pub key: String,
    /// When the key starts to sign.
    pub active_from: Instant,
    /// When the key stopped to sign.
    #[oai(skip_serializing_if_is_none)]
    pub retired_at: Option<Instant>,
}

/// Public keys, oldest first.
#[derive(Debug, Clone, Object)]
pub struct PublicKeys {
    /// All trusted keys.
    pub keys: Vec<PublicKey>,
}

/// A public JSON response that can be cached for 30 seconds. New keys are published 60 seconds before they sign.
#[derive(Debug, Clone)]
pub struct Cacheable<T>(pub T);

impl<T: ToJSON> IntoResponse for Cacheable<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("public, max-age=30"));
        response
    }
}

impl<T: ToJSON + Type> ApiResponse for Cacheable<T> {
    fn meta() -> MetaResponses {
        described("OK (can be cached for 30 seconds)", "application/json", T::schema_ref())
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[OpenApi(tag = "Tag::OAuth")]
impl Discovery {
    /// Get the server metadata
    ///
    /// RFC 8414.
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "getOAuthMetadata"
    )]
    async fn metadata(&self) -> Cacheable<ServerMetadata> {
        let at = |path: &str| format!("{}{path}", self.context.public_url);
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let methods = list(&["client_secret_basic", "client_secret_post", "none"]);
        Cacheable(ServerMetadata {
            issuer: self.context.public_url.clone(),
            authorization_endpoint: at("/oauth/authorize"),
            token_endpoint: at("/oauth/token"),
            revocation_endpoint: at("/oauth/revoke"),
            introspection_endpoint: at("/oauth/introspect"),
            device_authorization_endpoint: at("/oauth/device_authorization"),
            paserk_keys_uri: at("/oauth/keys"),
            service_documentation: at("/docs"),
            response_types_supported: list(&["code"]),
            response_modes_supported: list(&["query"]),
            grant_types_supported: list(&[
                "authorization_code",
                "refresh_token",
                "client_credentials",
                token::DEVICE_GRANT,
            ]),
            code_challenge_methods_supported: list(&["S256"]),
            token_endpoint_auth_methods_supported: methods.clone(),
            revocation_endpoint_auth_methods_supported: methods,
            introspection_endpoint_auth_methods_supported: list(&[
                "client_secret_basic",
                "client_secret_post",
            ]),
            scopes_supported: list(&scope::ALL),
            authorization_response_iss_parameter_supported: true,
        })
    }

    /// List public keys
    ///
    /// To verify access tokens (PASETO v4.public, implicit assertion `access token`).
    #[oai(path = "/oauth/keys", method = "get", operation_id = "listPublicKeys")]
    async fn keys(&self, request: &Request) -> Result<Cacheable<PublicKeys>, ApiError> {
        let call = edge::Caller::with_token(request, None).call();
        let keys = self.context.client.call(&call, ListKeys).await;
        let keys = keys.map_err(|failure| edge::api_error(failure, problem))?;
        let keys = keys.into_iter().map(|key| PublicKey {
            id: key.id,
            key: key.public,
            active_from: key.active_from.into(),
            retired_at: key.retired_at.map(Into::into),
        });
        Ok(Cacheable(PublicKeys { keys: keys.collect() }))
    }
}
