//! The middleware around all routes: request ids, limits, errors, headers, compression and access log.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use data_encoding::BASE32_NOPAD;
use futures::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use poem::{Endpoint, IntoResponse, PathPattern, Request, Response};

use super::cors::Cors;
use super::head;
use super::headers;
use super::negotiation::{self, Negotiation};
use super::routes::{RouteTemplate, is_api};
use super::{ErrorPage, Settings, ShutdownSignal, body, error_response};
use crate::caller::{Deadline, RequestId};
use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::metrics::{self, InFlight};
use crate::problem::{Problem, ProblemJson, problem_types};
use crate::rate_limit::RequestLimiter;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The maximum length of a client's request id. Longer ones are replaced.
const REQUEST_ID_CHARS_MAX: usize = 64;
/// The factor of the deadline for requests whose body may be larger.
const LARGE_BODY_DEADLINE_FACTOR: u32 = 10;

pub(crate) struct Middleware<E> {
    inner: E,
    settings: Settings,
    cors: Cors,
    body_limits: BTreeMap<String, usize>,
    error_page: Option<ErrorPage>,
    requests: Arc<RequestLimiter>,
    shutdown: ShutdownSignal,
}

impl<E: Endpoint<Output = Response>> Middleware<E> {
    pub(crate) fn new(
        inner: E,
        settings: Settings,
        body_limits: BTreeMap<String, usize>,
        error_page: Option<ErrorPage>,
        requests: Arc<RequestLimiter>,
        shutdown: ShutdownSignal,
    ) -> Self {
        Self {
            inner,
            cors: Cors::new(&settings.cors_origins),
            settings,
            body_limits,
            error_page,
            requests,
            shutdown,
        }
    }

    /// Applies the limits and calls the route.
    async fn handle(&self, mut request: Request, address: ClientAddress) -> Response {
        if !address.local
            && let Some(ip) = address.ip
            && let Err(limited) = self.requests.take(ip)
        {
            return limited.into_response();
        }
        let closable = request.version() < Version::HTTP_2;
        if let Err(problem) = head::check(&mut request, self.settings.head_limits()) {
            let mut response = ApiError::from(problem).into_response();
            if closable {
                // Whoever sends such a head may disagree about where the request ends.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            return response;
        }
        let own_limit = self.body_limits.get(request.uri().path()).copied();
        let bytes_max = own_limit.unwrap_or(self.settings.body_bytes_max);
        let deadline = if own_limit.is_some() {
            self.settings.deadline * LARGE_BODY_DEADLINE_FACTOR
        } else {
            self.settings.deadline
        };
        let timeout = deadline + Settings::GRACE;
        match tokio::time::timeout(timeout, body::take(&mut request, bytes_max)).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => return refused.into_response(),
            Err(_) => return ApiError::new(&problem_types::TIMED_OUT).into_response(),
        }
        request.set_data(Deadline(tokio::time::Instant::now() + deadline));
        request.set_data(self.shutdown.clone());
        let sent = request.uri().clone();
        let answer =
            AssertUnwindSafe(tokio::time::timeout(timeout, self.inner.call(request))).catch_unwind().await;
        match answer {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => error_response::from_error(error, &sent, ""),
            Ok(Err(_)) => ApiError::unavailable(1).into_response(),
            Err(_) => ApiError::new(&problem_types::INTERNAL).into_response(),
        }
    }

    /// Replaces the body of an error response by a problem, or by a page for browsers.
    fn error_body(
        &self,
        mut response: Response,
        request_id: &str,
        wants_page: bool,
        oauth: bool,
    ) -> Response {
        if response.status().as_u16() < 400 {
            return response;
        }
        let media_type = response.content_type().unwrap_or_default();
        // Pages show their own errors, and OAuth has its own error format (RFC 6749, 5.2).
        if (wants_page && media_type.starts_with("text/html"))
            || (oauth && (media_type.starts_with("application/json") || media_type.starts_with("text/html")))
        {
            return response;
        }
        let problem =
            response.data::<Problem>().cloned().unwrap_or_else(|| Problem::of_status(response.status()));
        let problem = problem.instance(request_id);
        let mut replaced = match &self.error_page {
            Some(page) if wants_page => {
                let html =
                    Response::builder().status(response.status()).content_type("text/html; charset=utf-8");
                html.header(header::CACHE_CONTROL, "no-store").body(page(&problem, request_id))
            }
            _ => ProblemJson(problem).into_response(),
        };
        replaced.set_status(response.status());
        // Other headers are kept (`Allow`, `WWW-Authenticate`, cookies), except those that describe the old body.
        let mut kept = std::mem::take(response.headers_mut());
        for name in
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CACHE_CONTROL]
        {
            kept.remove(name);
        }
        let repeated: Vec<HeaderName> =
            kept.keys().filter(|name| replaced.headers().contains_key(*name)).cloned().collect();
        for name in repeated {
            replaced.headers_mut().remove(name);
        }
        replaced.headers_mut().extend(kept);
        replaced
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Middleware<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let began = Instant::now();
        let in_flight = InFlight::begin();
        let request_id = request_id(&request);
        request.set_data(RequestId(Arc::clone(&request_id)));
        let address = ClientAddress::find(&request, self.settings.behind_proxy);
        request.set_data(address);
        let conditions = Negotiation::of(request.method().clone(), request.headers());
        let origin = self.cors.origin(&request);
        let path = request.uri().path();
        let api = is_api(path);
        let (oauth, wants_page) = (path.starts_with("/oauth/"), !api && prefers_html(&request));

        let response = match self.cors.preflight(&request, origin.as_ref()) {
            Some(response) => response,
            None => self.handle(request, address).await,
        };
        let template = route_template(&response);
        let mut response = self.error_body(response, &request_id, wants_page, oauth);

        negotiation::apply_if_none_match(&mut response, &conditions);
        if api {
            headers::default_to_private(&mut response);
        }
        headers::add_security_headers(
            &mut response,
            self.settings.tls.is_some() || self.settings.public_url.starts_with("https:"),
        );
        self.cors.allow_origin(&mut response, origin);
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let response = negotiation::encode(response, &conditions).await;
        drop(in_flight);
        log(&conditions.method, &template, &response, &request_id, began);
        Ok(response)
    }
}

fn log(method: &Method, template: &str, response: &Response, request_id: &str, began: Instant) {
    let (status, took) = (response.status(), began.elapsed());
    metrics::record_response(method, template, status, took);
    let millis = took.as_secs_f64() * 1000.0;
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(target: "edge::access", request_id, %method, route = template, status = status.as_u16(), millis);
    } else {
        tracing::info!(target: "edge::access", request_id, %method, route = template, status = status.as_u16(), millis);
    }
}

/// The route's path template. Requests without a route share one value, so that the number of series is bounded.
fn route_template(response: &Response) -> Arc<str> {
    let of_api = response.data::<RouteTemplate>().map(|template| Arc::clone(&template.0));
    // Pages are nested below a catch-all route, whose pattern precedes theirs.
    let of_page =
        || response.data::<PathPattern>().map(|pattern| Arc::from(pattern.0.replace("/*--poem-rest", "")));
    of_api
        .or_else(of_page)
        .filter(|template: &Arc<str>| !template.is_empty())
        .unwrap_or_else(|| "(none)".into())
}

/// The client's request id if it is valid, else a new one.
fn request_id(request: &Request) -> Arc<str> {
    let valid = |id: &&str| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let sent = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(valid);
    sent.map_or_else(|| new_request_id().into(), Arc::from)
}

pub(crate) fn new_request_id() -> String {
    BASE32_NOPAD.encode(&rand::random::<[u8; 15]>()).to_ascii_lowercase()
}

/// Whether the client prefers HTML to JSON, as browsers do.
fn prefers_html(request: &Request) -> bool {
    let accept =
        request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let position = |media_type: &str| accept.split(',').position(|item| item.trim().starts_with(media_type));
    match (position("text/html"), position("application/json").or(position("application/problem+json"))) {
        (Some(html), Some(json)) => html < json,
        (html, None) => html.is_some(),
        (None, Some(_)) => false,
    }
}
