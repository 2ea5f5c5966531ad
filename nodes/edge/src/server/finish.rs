//! The last touches to an answer: security headers, conditions, compression.

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::web::{Compress, CompressionAlgo};
use poem::{Body, IntoResponse, Response};

use crate::etag::ETag;

/// Smaller bodies are not worth compressing, in bytes.
const COMPRESSED_MIN: usize = 1024;

/// Everything from ourselves and nothing inline; pictures may be data, as icons in style sheets are.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'",
);
/// For answers that are no pages: nothing at all.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=()"),
    ),
];

/// The policy of a page whose form leads on to other sites: browsers hold `form-action` against redirects, too. For
/// consent pages (`redirect_uri`) and payments (3-D Secure). Set it as the answer's `Content-Security-Policy`.
///
/// `targets` are addresses; only their origins count, and what is no plain origin is left out.
pub fn policy_with_form_targets(targets: &[&str]) -> HeaderValue {
    let origins = targets.iter().map(|target| crate::csrf::origin_of(target));
    let plain = origins.filter(|origin| {
        (origin.starts_with("https://") || origin.starts_with("http://"))
            && origin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-[]_".contains(&byte))
    });
    let allowed: String = plain.flat_map(|origin| [" ", origin]).collect();
    let policy = POLICY
        .to_str()
        .unwrap_or_default()
        .replace("form-action 'self'", &format!("form-action 'self'{allowed}"));
    HeaderValue::try_from(policy).unwrap_or(POLICY)
}

/// What browsers are told about every answer. A policy that the answer has already is left alone.
pub(crate) fn secure(response: &mut Response, https: bool) {
    let page = response.content_type().is_some_and(|media_type| media_type.starts_with("text/html"));
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(if page { POLICY } else { NO_PAGE });
    if https {
        let always = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(always);
    }
}

/// What an operation answers is its caller's, unless it says otherwise: a secret link alone opens reservations, so no
/// `Authorization` tells caches in between to keep out.
pub(crate) fn keep_private(response: &mut Response) {
    let private = HeaderValue::from_static("private, no-cache");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(private);
}

/// 304 where the client has it already.
pub(crate) fn unchanged(response: &mut Response, asked: &Asked) {
    let current = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let (Some(list), Some(current)) = (&asked.if_none_match, current) else { return };
    let has = list.to_str().is_ok_and(|list| ETag::from_header(current).is_in(list));
    if has && asked.reads() && response.status() == StatusCode::OK {
        response.set_status(StatusCode::NOT_MODIFIED);
        response.set_body(Body::empty());
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// What the end of an answer needs to know of its request.
pub(crate) struct Asked {
    pub method: Method,
    pub if_none_match: Option<HeaderValue>,
    pub encoding: Option<CompressionAlgo>,
}

impl Asked {
    pub(crate) fn of(method: Method, headers: &HeaderMap) -> Self {
        let if_none_match = headers.get(header::IF_NONE_MATCH).cloned();
        Self { method, if_none_match, encoding: preferred(headers) }
    }

    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// Brotli, else gzip, unless the client rules them out.
fn preferred(headers: &HeaderMap) -> Option<CompressionAlgo> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| {
        accepted.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case(name));
            named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    };
    let known = [("br", CompressionAlgo::BR), ("gzip", CompressionAlgo::GZIP)];
    known.into_iter().find(|(name, _)| takes(name)).map(|(_, algorithm)| algorithm)
}

fn is_text(media_type: &str) -> bool {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    let texts =
        ["application/json", "application/problem+json", "image/svg+xml", "application/manifest+json"];
    (bare.starts_with("text/") && bare != "text/event-stream") || texts.contains(&bare)
}

/// Compresses texts that are worth it, and takes the body off an answer to HEAD.
pub(crate) async fn encode(mut response: Response, asked: &Asked) -> Response {
    let text = response.content_type().is_some_and(is_text);
    let streamed =
        response.content_type().is_some_and(|media_type| media_type.starts_with("text/event-stream"));
    if asked.method == Method::HEAD {
        // A stream would never end; everything else says how long it would have been.
        if !streamed
            && let Ok(bytes) = response.take_body().into_bytes().await
            && !response.status().is_informational()
            && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            response.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
        }
        response.set_body(Body::empty());
        return response;
    }
    let Some(algorithm) =
        asked.encoding.filter(|_| text && !response.headers().contains_key(header::CONTENT_ENCODING))
    else {
        return response;
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let Ok(bytes) = response.take_body().into_bytes().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let worth_it = bytes.len() >= COMPRESSED_MIN;
    response.set_body(bytes);
    if worth_it { Compress::new(response, algorithm).into_response() } else { response }
}
