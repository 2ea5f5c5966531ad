//! What clients find out by themselves: metadata (RFC 8414) and public keys.

use std::sync::Arc;

use contracts::auth::{Answer, Query};
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

/// What this server offers (RFC 8414 §2).
#[derive(Debug, Clone, Object)]
pub struct ServerMetadata {
    /// Who signs the tokens.
    pub issuer: String,
    /// Where people are sent.
    pub authorization_endpoint: String,
    /// Where tokens are had.
    pub token_endpoint: String,
    /// Where they are taken back.
    pub revocation_endpoint: String,
    /// Where they are explained.
    pub introspection_endpoint: String,
    /// Where devices begin.
    pub device_authorization_endpoint: String,
    /// The public keys. Not JWKs: tokens are PASETO v4.public, keys are PASERK.
    pub paserk_keys_uri: String,
    /// Where this API is documented.
    pub service_documentation: String,
    /// `code`
    pub response_types_supported: Vec<String>,
    /// `query`
    pub response_modes_supported: Vec<String>,
    /// Ways to a token.
    pub grant_types_supported: Vec<String>,
    /// `S256`
    pub code_challenge_methods_supported: Vec<String>,
    /// Ways for a client to show who it is.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The same for revocation.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The same for introspection, which public clients cannot ask.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// Scopes that exist.
    pub scopes_supported: Vec<String>,
    /// Answers to authorization requests name their issuer (RFC 9207).
    pub authorization_response_iss_parameter_supported: bool,
}

/// A public key.
#[derive(Debug, Clone, Object)]
pub struct PublicKey {
    /// Its id, which tokens bear in their footer: `k4.pid.…`.
    pub id: String,
    /// The key: `k4.public.…`.
    pub key: String,
    /// Signs from then on.
    pub active_from: Instant,
    /// Has signed nothing since.
    #[oai(skip_serializing_if_is_none)]
    pub retired_at: Option<Instant>,
}

/// Public keys, oldest first.
#[derive(Debug, Clone, Object)]
pub struct PublicKeys {
    /// All that are trusted now.
    pub keys: Vec<PublicKey>,
}

/// An answer that is the same for everybody, good for half a minute: new keys are announced a minute ahead.
#[derive(Debug, Clone)]
pub struct Shared<T>(pub T);

impl<T: ToJSON> IntoResponse for Shared<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("public, max-age=30"));
        response
    }
}

impl<T: ToJSON + Type> ApiResponse for Shared<T> {
    fn meta() -> MetaResponses {
        described("The answer, good for half a minute", "application/json", T::schema_ref())
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[OpenApi(tag = "Tag::OAuth")]
impl Discovery {
    /// What this server offers
    ///
    /// RFC 8414.
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "getOAuthMetadata"
    )]
    async fn metadata(&self) -> Shared<ServerMetadata> {
        let at = |path: &str| format!("{}{path}", self.context.public_url);
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let methods = list(&["client_secret_basic", "client_secret_post", "none"]);
        Shared(ServerMetadata {
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

    /// Public keys
    ///
    /// With which anybody can check access tokens (PASETO v4.public, implicit assertion `access token`).
    #[oai(path = "/oauth/keys", method = "get", operation_id = "listPublicKeys")]
    async fn keys(&self, request: &Request) -> Result<Shared<PublicKeys>, ApiError> {
        let call = edge::Caller::with_token(request, None).call();
        let found = self
            .context
            .query(&call, Query::Keys)
            .await
            .map_err(|failure| edge::api_error(failure, problem))?;
        let Answer::Keys(keys) = found else { return Err(ApiError::unavailable(1)) };
        let keys = keys.into_iter().map(|key| PublicKey {
            id: key.id,
            key: key.public,
            active_from: key.active_from.into(),
            retired_at: key.retired_at.map(Into::into),
        });
        Ok(Shared(PublicKeys { keys: keys.collect() }))
    }
}
