//! The outermost layer: what is done for every request, whatever it is.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use data_encoding::BASE32_NOPAD;
use futures::FutureExt;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, PathPattern, Request, Response};

use super::cors::Cors;
use super::finish::{self, Asked};
use super::table::{Label, is_api};
use super::{Closing, ErrorPage, Settings, body, explain};
use crate::address::ClientAddress;
use crate::caller::{Deadline, RequestId};
use crate::error::ApiError;
use crate::limits::Requests;
use crate::meters::{self, InFlight};
use crate::problem::{Problem, ProblemJson, kinds};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced.
const REQUEST_ID_CHARS_MAX: usize = 64;
/// How many times the deadline is given to requests that may be larger than others.
const LARGER_TAKES: u32 = 10;

pub(crate) struct Outer<E> {
    inner: E,
    settings: Settings,
    cors: Cors,
    larger: BTreeMap<String, usize>,
    error_page: Option<ErrorPage>,
    requests: Arc<Requests>,
    closing: Closing,
}

impl<E: Endpoint<Output = Response>> Outer<E> {
    pub(crate) fn new(
        inner: E,
        settings: Settings,
        larger: BTreeMap<String, usize>,
        error_page: Option<ErrorPage>,
        requests: Arc<Requests>,
        closing: Closing,
    ) -> Self {
        Self {
            inner,
            cors: Cors::new(&settings.cors_origins),
            settings,
            larger,
            error_page,
            requests,
            closing,
        }
    }

    /// The answer, as the routes and the limits before them give it.
    async fn answer(&self, mut request: Request, address: ClientAddress) -> Response {
        if !address.local
            && let Some(ip) = address.ip
            && let Err(limited) = self.requests.take(ip)
        {
            return limited.into_response();
        }
        let larger = self.larger.get(request.uri().path()).copied();
        let bytes_max = larger.unwrap_or(self.settings.body_bytes_max);
        // What may be larger may take longer, too.
        let deadline =
            if larger.is_some() { self.settings.deadline * LARGER_TAKES } else { self.settings.deadline };
        let patience = deadline + Settings::GRACE;
        match tokio::time::timeout(patience, body::take(&mut request, bytes_max)).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => return refused.into_response(),
            Err(_) => return ApiError::new(&kinds::TIMED_OUT).into_response(),
        }
        request.set_data(Deadline(tokio::time::Instant::now() + deadline));
        request.set_data(self.closing.clone());
        let sent = request.uri().clone();
        let answer =
            AssertUnwindSafe(tokio::time::timeout(patience, self.inner.call(request))).catch_unwind().await;
        match answer {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => explain::error(error, &sent, ""),
            Ok(Err(_)) => ApiError::unavailable(1).into_response(),
            Err(_) => ApiError::new(&kinds::INTERNAL).into_response(),
        }
    }

    /// Makes a problem, or a page, of every failure.
    fn put_into_words(
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
        // Pages say themselves what is wrong, and OAuth has a form of its own (RFC 6749, 5.2).
        if (wants_page && media_type.starts_with("text/html"))
            || (oauth && (media_type.starts_with("application/json") || media_type.starts_with("text/html")))
        {
            return response;
        }
        let problem =
            response.data::<Problem>().cloned().unwrap_or_else(|| explain::status(response.status()));
        let problem = problem.instance(request_id);
        let mut worded = match &self.error_page {
            Some(page) if wants_page => {
                let html =
                    Response::builder().status(response.status()).content_type("text/html; charset=utf-8");
                html.header(header::CACHE_CONTROL, "no-store").body(page(&problem, request_id))
            }
            _ => ProblemJson(problem).into_response(),
        };
        worded.set_status(response.status());
        // Whatever else the answer said stays (`Allow`, `WWW-Authenticate`, cookies); what described its body goes.
        let mut kept = std::mem::take(response.headers_mut());
        for name in
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CACHE_CONTROL]
        {
            kept.remove(name);
        }
        let repeated: Vec<HeaderName> =
            kept.keys().filter(|name| worded.headers().contains_key(*name)).cloned().collect();
        for name in repeated {
            worded.headers_mut().remove(name);
        }
        worded.headers_mut().extend(kept);
        worded
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Outer<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let began = Instant::now();
        let in_flight = InFlight::begin();
        let request_id = request_id(&request);
        request.set_data(RequestId(Arc::clone(&request_id)));
        let address = ClientAddress::find(&request, self.settings.behind_proxy);
        request.set_data(address);
        let asked = Asked::of(request.method().clone(), request.headers());
        let origin = self.cors.origin(&request);
        let path = request.uri().path();
        let api = is_api(path);
        let (oauth, wants_page) = (path.starts_with("/oauth/"), !api && prefers_html(&request));

        let response = match self.cors.preflight(&request, origin.as_ref()) {
            Some(response) => response,
            None => self.answer(request, address).await,
        };
        let label = label(&response);
        let mut response = self.put_into_words(response, &request_id, wants_page, oauth);

        finish::unchanged(&mut response, &asked);
        if api {
            finish::keep_private(&mut response);
        }
        finish::secure(
            &mut response,
            self.settings.tls.is_some() || self.settings.public_url.starts_with("https:"),
        );
        self.cors.mark(&mut response, origin);
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let response = finish::encode(response, &asked).await;
        drop(in_flight);
        log(&asked.method, &label, &response, &request_id, began);
        Ok(response)
    }
}

fn log(method: &Method, label: &str, response: &Response, request_id: &str, began: Instant) {
    let (status, took) = (response.status(), began.elapsed());
    meters::answered(method, label, status, took);
    let millis = took.as_secs_f64() * 1000.0;
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(target: "edge::access", request_id, %method, route = label, status = status.as_u16(), millis);
    } else {
        tracing::info!(target: "edge::access", request_id, %method, route = label, status = status.as_u16(), millis);
    }
}

/// The route's template; what came to no route shares one name, so that paths never become series.
fn label(response: &Response) -> Arc<str> {
    let of_face = response.data::<Label>().map(|label| Arc::clone(&label.0));
    // Pages hang below a route that takes the rest of everything; its pattern stands before theirs.
    let of_page =
        || response.data::<PathPattern>().map(|pattern| Arc::from(pattern.0.replace("/*--poem-rest", "")));
    of_face.or_else(of_page).filter(|label: &Arc<str>| !label.is_empty()).unwrap_or_else(|| "(none)".into())
}

/// The client's id for the request when it is a sane one, else a new one.
fn request_id(request: &Request) -> Arc<str> {
    let sane = |id: &&str| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let sent = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(sane);
    sent.map_or_else(
        || BASE32_NOPAD.encode(&rand::random::<[u8; 15]>()).to_ascii_lowercase().into(),
        Arc::from,
    )
}

/// Whether a browser is asking: HTML is among what it takes, and not behind JSON.
fn prefers_html(request: &Request) -> bool {
    let accept =
        request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let place = |media_type: &str| accept.split(',').position(|item| item.trim().starts_with(media_type));
    match (place("text/html"), place("application/json").or(place("application/problem+json"))) {
        (Some(html), Some(json)) => html < json,
        (html, None) => html.is_some(),
        (None, Some(_)) => false,
    }
}
