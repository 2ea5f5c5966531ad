//! The caller of a request. The edge forwards the bearer token without reading it.

use std::sync::Arc;
use std::time::Duration;

use group::Call;
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaOAuthFlow, MetaOAuthFlows, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::error::ApiError;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Problem, problem_types};

/// The deadline of a call, unless the server has set another one.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longer bearer tokens are refused, in bytes.
const TOKEN_BYTES_MAX: usize = token::TOKEN_BYTES_MAX;

/// The request's id, in the request's data.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// The request's deadline, in the request's data.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub tokio::time::Instant);

/// A caller with or without an access token. A malformed `Authorization` header is answered with 401, like an invalid
/// token.
#[derive(Debug, Clone)]
pub struct Caller {
    token: Option<Arc<str>>,
    request_id: Arc<str>,
    deadline: tokio::time::Instant,
}

impl Caller {
    /// The caller of a request.
    ///
    /// # Errors
    /// 401 when the `Authorization` header is not `Bearer TOKEN`.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let token = match request.headers().get(header::AUTHORIZATION) {
            None => None,
            Some(value) => Some(bearer(value.as_bytes()).ok_or_else(malformed)?),
        };
        Ok(Self { token, ..Self::without_token(request) })
    }

    /// As [`Caller::of`], with a token from elsewhere, such as a page's session.
    pub fn with_token(request: &Request, token: Option<Arc<str>>) -> Self {
        Self { token, ..Self::without_token(request) }
    }

    fn without_token(request: &Request) -> Self {
        let request_id = request.data::<RequestId>().map_or_else(|| "-".into(), |id| Arc::clone(&id.0));
        let deadline = request.data::<Deadline>().map(|deadline| deadline.0);
        let deadline = deadline.unwrap_or_else(|| tokio::time::Instant::now() + TIMEOUT);
        Self { token: None, request_id, deadline }
    }

    /// Whether there is no token.
    pub fn is_anonymous(&self) -> bool {
        self.token.is_none()
    }

    /// The token, unverified.
    pub fn token(&self) -> Option<&Arc<str>> {
        self.token.as_ref()
    }

    /// The request's id.
    pub fn request_id(&self) -> &Arc<str> {
        &self.request_id
    }

    /// A call to a service on behalf of this caller.
    pub fn call(&self) -> Call {
        Call {
            token: self.token.clone(),
            deadline: self.deadline,
            request_id: Arc::clone(&self.request_id),
            ..Call::anonymous(TIMEOUT)
        }
    }

    /// [`Caller::call`] with the client's idempotency key, if it sent one. Keys are distinguished by `operation` and
    /// `owner`, the resource or user that owns what the operation changes.
    pub fn call_with(&self, key: Option<&IdempotencyKey>, operation: &str, owner: &str) -> Call {
        match key {
            Some(key) => self.call().with_key(operation, owner, key.as_str()),
            None => self.call(),
        }
    }
}

/// A caller with an access token. Requests without one are answered with 401.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Caller);

impl std::ops::Deref for SignedIn {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

fn bearer(value: &[u8]) -> Option<Arc<str>> {
    let value = std::str::from_utf8(value).ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_BYTES_MAX && plain)
        .then(|| token.into())
}

fn malformed() -> ApiError {
    Problem::new(&problem_types::UNAUTHENTICATED)
        .detail("The Authorization header must have the form `Bearer TOKEN`.")
        .into()
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["oauth2", "bearer"]
    }

    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request)?)
    }
}

impl<'a> ApiExtractor<'a> for SignedIn {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["oauth2", "bearer"]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let caller = Caller::of(request)?;
        if caller.is_anonymous() {
            return Err(ApiError::unauthenticated().into());
        }
        Ok(Self(caller))
    }
}

fn register_schemes(registry: &mut Registry) {
    let flow = |authorization_url| MetaOAuthFlow {
        authorization_url,
        token_url: Some("/oauth/token"),
        refresh_url: Some("/oauth/token"),
        // `OpenApiDocuments` fills them in.
        scopes: Vec::new(),
    };
    let none = || MetaSecurityScheme {
        ty: "http",
        description: None,
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(
        "oauth2",
        MetaSecurityScheme {
            ty: "oauth2",
            description: Some(
                "OAuth 2: authorization code with PKCE for users, client credentials for programs.",
            ),
            flows: Some(MetaOAuthFlows {
                implicit: None,
                password: None,
                client_credentials: Some(flow(None)),
                authorization_code: Some(flow(Some("/oauth/authorize"))),
            }),
            ..none()
        },
    );
    registry.create_security_scheme(
        "bearer",
        MetaSecurityScheme {
            description: Some("An access token that was issued earlier."),
            scheme: Some("bearer"),
            bearer_format: Some("PASETO"),
            ..none()
        },
    );
}
