//! OAuth error responses (RFC 6749 §5.2), which replace problem documents on OAuth endpoints.

use contracts::auth::Refusal;
use group::{Failure, Unavailable};
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use rest::attempts::AttemptRefused;
use serde::Serialize;

/// An OAuth error response.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct OAuthProblem {
    /// An error code of RFC 6749, 7009 or 8628.
    pub error: String,
    /// A description for developers.
    pub error_description: String,
}

/// An OAuth error with its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) description: String,
    pub(super) retry_after_secs: Option<u32>,
}

impl OAuthError {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            retry_after_secs: None,
        }
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(super) fn invalid_client() -> Self {
        let description = "Unknown client, or wrong credentials.";
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", description) }
    }

    pub(super) fn unavailable(retry_after_secs: u32) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after_secs: Some(retry_after_secs),
            ..Self::new("temporarily_unavailable", "Try again in a moment.")
        }
    }

    pub(super) fn rate_limited(retry_after_secs: u32) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after_secs: Some(retry_after_secs),
            ..Self::new("slow_down", "Too many attempts. Wait as long as `Retry-After` says.")
        }
    }
}

impl From<AttemptRefused> for OAuthError {
    fn from(refused: AttemptRefused) -> Self {
        match refused {
            AttemptRefused::TooEarly(secs) => Self::rate_limited(secs),
            AttemptRefused::Unavailable(unavailable) => Self::unavailable(unavailable.retry_after_secs),
        }
    }
}

impl From<edge::FormError> for OAuthError {
    fn from(error: edge::FormError) -> Self {
        Self::invalid_request(error.to_string())
    }
}

impl From<Refusal> for OAuthError {
    fn from(refusal: Refusal) -> Self {
        let description = refusal.to_string();
        match refusal {
            Refusal::InvalidClient => Self::invalid_client(),
            Refusal::InvalidGrant(why) => Self::invalid_grant(why),
            Refusal::NoSuchSession => Self::invalid_grant("The session has ended."),
            Refusal::UnauthorizedClient => Self::new("unauthorized_client", description),
            Refusal::InvalidScope => Self::new("invalid_scope", description),
            Refusal::AccessDenied => Self::new("access_denied", description),
            Refusal::ExpiredToken => Self::new("expired_token", description),
            Refusal::InvalidRedirect => Self::invalid_request(description),
            Refusal::Invalid { .. } => Self::invalid_request(description),
            Refusal::NoKey => Self::unavailable(1),
            // The OAuth endpoints send no command or query that causes these refusals.
            Refusal::ClientExists
            | Refusal::ClientRevoked
            | Refusal::NoSecret
            | Refusal::OwnClient
            | Refusal::LastOperator
            | Refusal::TooManyAttempts(_)
            | Refusal::NoSuchClient
            | Refusal::NoSuchDevice
            | Refusal::NoSuchKey
            | Refusal::LastKey
            | Refusal::NoSuchService => Self::invalid_request(description),
        }
    }
}

impl From<Failure<Refusal>> for OAuthError {
    fn from(failure: Failure<Refusal>) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Unavailable(unavailable) => Self::unavailable(unavailable.retry_after_secs),
            // The service token of `auth` was rejected, for example because its key was just withdrawn. Retryable.
            Failure::Unauthenticated(_) | Failure::Forbidden(_) | Failure::KeyReused => Self::unavailable(2),
        }
    }
}

impl From<Unavailable> for OAuthError {
    fn from(unavailable: Unavailable) -> Self {
        Self::unavailable(unavailable.retry_after_secs)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthProblem { error: self.error.to_owned(), error_description: self.description };
        let mut response = Response::builder()
            .status(self.status)
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::PRAGMA, "no-cache");
        if self.status == StatusCode::UNAUTHORIZED {
            response = response.header(header::WWW_AUTHENTICATE, "Basic realm=\"auberge\"");
        }
        if let Some(secs) = self.retry_after_secs {
            response = response.header(header::RETRY_AFTER, secs.to_string());
        }
        response.body(serde_json::to_vec(&body).expect("two strings are JSON"))
    }
}

impl From<OAuthError> for poem::Error {
    fn from(error: OAuthError) -> Self {
        Self::from_response(error.into_response())
    }
}

impl ApiResponse for OAuthError {
    fn meta() -> MetaResponses {
        let header = |name: &str, description: &str, kind| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required: true,
            deprecated: false,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(kind))),
        };
        let documented = [
            (400, "The request is malformed, or the grant is invalid, expired or not allowed", Vec::new()),
            (401, "Client authentication failed", vec![header("WWW-Authenticate", "Basic", "string")]),
            (429, "Too many failed attempts", vec![header("Retry-After", "Seconds to wait", "integer")]),
            (503, "Temporarily unavailable", vec![header("Retry-After", "Seconds to wait", "integer")]),
        ];
        let responses = documented.into_iter().map(|(status, description, headers)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: OAuthProblem::schema_ref(),
            }],
            headers,
        });
        MetaResponses { responses: responses.collect() }
    }

    fn register(registry: &mut Registry) {
        OAuthProblem::register(registry);
    }
}
