//! Cross-origin resource sharing, for the configured origins. Credentials (cookies) are not allowed: access tokens are
//! sent in a header.

use std::collections::BTreeSet;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{IntoResponse, Request, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id",
);
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, Location, Retry-After, X-Request-Id, WWW-Authenticate");
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

pub(crate) struct Cors {
    origins: BTreeSet<String>,
}

impl Cors {
    pub(crate) fn new(origins: &[String]) -> Self {
        Self { origins: origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect() }
    }

    /// The request's origin, if it is configured.
    pub(crate) fn origin(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        self.origins.contains(origin.to_str().ok()?).then(|| origin.clone())
    }

    /// The response to a preflight request. For other origins it allows nothing.
    pub(crate) fn preflight(&self, request: &Request, origin: Option<&HeaderValue>) -> Option<Response> {
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ORIGIN)
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !preflight {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if origin.is_some() {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        Some(response)
    }

    /// Allows scripts of the origin to read the response.
    pub(crate) fn allow_origin(&self, response: &mut Response, origin: Option<HeaderValue>) {
        if self.origins.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
