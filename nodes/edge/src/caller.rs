//! Who is calling, as far as the edge looks: a bearer token, handed on unread.

use std::sync::Arc;
use std::time::Duration;

use group::Call;
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaOAuthFlow, MetaOAuthFlows, MetaOAuthScope, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OAuthScopes};

use crate::error::ApiError;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Problem, kinds};

/// How long a call waits for its answer unless the server has set another deadline.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longer tokens are none of ours, in bytes: as long as `token` takes them, for staff of many hotels.
const TOKEN_BYTES_MAX: usize = 12 << 10;

/// The scopes of access tokens, for documents: `#[oai(scope = "edge::Scope::PaymentsRead")] caller: edge::SignedIn`.
/// They are checked where the call is received, by its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scope {
    ReservationsRead,
    ReservationsWrite,
    PaymentsRead,
    PaymentsWrite,
    Profile,
    Documents,
    TemplatesManage,
    HotelManage,
    ClusterRead,
    ClusterManage,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ReservationsRead,
        Self::ReservationsWrite,
        Self::PaymentsRead,
        Self::PaymentsWrite,
        Self::Profile,
        Self::Documents,
        Self::TemplatesManage,
        Self::HotelManage,
        Self::ClusterRead,
        Self::ClusterManage,
    ];

    /// Its name in tokens, and what it allows.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::ReservationsRead => ("reservations:read", "See your reservations"),
            Self::ReservationsWrite => ("reservations:write", "Make, change and cancel reservations"),
            Self::PaymentsRead => ("payments:read", "See your payments and receipts"),
            Self::PaymentsWrite => ("payments:write", "Pay and refund"),
            Self::Profile => ("profile", "See and change your profile"),
            Self::Documents => ("documents", "Make documents from templates"),
            Self::TemplatesManage => ("templates:manage", "Change document templates"),
            Self::HotelManage => ("hotel:manage", "Run the hotels that the token is bound to"),
            Self::ClusterRead => ("cluster:read", "See the cluster's state"),
            Self::ClusterManage => ("cluster:manage", "Move, drain and rebalance"),
        }
    }
}

impl OAuthScopes for Scope {
    fn meta() -> Vec<MetaOAuthScope> {
        Self::ALL
            .map(|scope| MetaOAuthScope { name: scope.words().0, description: Some(scope.words().1) })
            .into()
    }

    fn name(&self) -> &'static str {
        self.words().0
    }
}

/// The request's id, as the server put it into the request.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// Until when the server lets the request take.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub tokio::time::Instant);

/// A caller with or without a token. A malformed `Authorization` header is 401, as a bad token would be.
#[derive(Debug, Clone)]
pub struct Caller {
    token: Option<Arc<str>>,
    request_id: Arc<str>,
    deadline: tokio::time::Instant,
}

impl Caller {
    /// What a request says of its caller.
    ///
    /// # Errors
    /// 401 when the `Authorization` header is not `Bearer TOKEN`.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let token = match request.headers().get(header::AUTHORIZATION) {
            None => None,
            Some(value) => Some(bearer(value.as_bytes()).ok_or_else(malformed)?),
        };
        Ok(Self { token, ..Self::within(request) })
    }

    /// As [`Caller::of`], with a token that came another way (a page's session).
    pub fn with_token(request: &Request, token: Option<Arc<str>>) -> Self {
        Self { token, ..Self::within(request) }
    }

    fn within(request: &Request) -> Self {
        let request_id = request.data::<RequestId>().map_or_else(|| "-".into(), |id| Arc::clone(&id.0));
        let deadline = request.data::<Deadline>().map(|deadline| deadline.0);
        let deadline = deadline.unwrap_or_else(|| tokio::time::Instant::now() + TIMEOUT);
        Self { token: None, request_id, deadline }
    }

    /// Whether there is a token at all.
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

    /// A call in this caller's name.
    pub fn call(&self) -> Call {
        Call {
            token: self.token.clone(),
            deadline: self.deadline,
            request_id: Arc::clone(&self.request_id),
            ..Call::anonymous(TIMEOUT)
        }
    }

    /// The same under the client's idempotency key, if it sent one. `owner`: the owning hotel, or user.
    pub fn call_with(&self, key: Option<&IdempotencyKey>, operation: &str, owner: &str) -> Call {
        match key {
            Some(key) => self.call().with_key(operation, owner, key.as_str()),
            None => self.call(),
        }
    }
}

/// A caller with a token; without one the answer is 401. Everything that [`Caller`] can.
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
    Problem::new(&kinds::UNAUTHENTICATED)
        .detail("The Authorization header is not of the form `Bearer TOKEN`.")
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
        scopes: Scope::meta(),
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
                "OAuth 2: for people by authorization code with PKCE, for programs by client credentials.",
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
            description: Some("An access token that was obtained before."),
            scheme: Some("bearer"),
            bearer_format: Some("PASETO"),
            ..none()
        },
    );
}
