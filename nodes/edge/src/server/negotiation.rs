//! Conditional requests, HEAD and compression.

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::{Compress, CompressionAlgo};
use poem::{Body, IntoResponse, Response};

use crate::etag::ETag;

/// Smaller bodies are not compressed, in bytes.
const COMPRESSED_MIN: usize = 1024;

/// Answers with 304 if the client has the current version.
pub(crate) fn apply_if_none_match(response: &mut Response, request: &Negotiation) {
    let current = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let (Some(list), Some(current)) = (&request.if_none_match, current) else { return };
    let matches = list.to_str().is_ok_and(|list| ETag::from_header(current).is_in(list));
    if matches && request.is_read() && response.status() == StatusCode::OK {
        response.set_status(StatusCode::NOT_MODIFIED);
        response.set_body(Body::empty());
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// The properties of a request that determine how its response is sent.
pub(crate) struct Negotiation {
    pub method: Method,
    pub if_none_match: Option<HeaderValue>,
    pub encoding: Option<CompressionAlgo>,
}

impl Negotiation {
    pub(crate) fn of(method: Method, headers: &HeaderMap) -> Self {
        let if_none_match = headers.get(header::IF_NONE_MATCH).cloned();
        Self { method, if_none_match, encoding: accepted_encoding(headers) }
    }

    fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// Brotli if the client accepts it, else gzip if accepted.
fn accepted_encoding(headers: &HeaderMap) -> Option<CompressionAlgo> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let accepts = |name: &str| {
        accepted.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case(name));
            named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    };
    let known = [("br", CompressionAlgo::BR), ("gzip", CompressionAlgo::GZIP)];
    known.into_iter().find(|(name, _)| accepts(name)).map(|(_, algorithm)| algorithm)
}

fn is_text(media_type: &str) -> bool {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    let texts =
        ["application/json", "application/problem+json", "image/svg+xml", "application/manifest+json"];
    (bare.starts_with("text/") && bare != "text/event-stream") || texts.contains(&bare)
}

/// Compresses text, and removes the body of a response to HEAD.
pub(crate) async fn encode(mut response: Response, request: &Negotiation) -> Response {
    let text = response.content_type().is_some_and(is_text);
    let streamed =
        response.content_type().is_some_and(|media_type| media_type.starts_with("text/event-stream"));
    if request.method == Method::HEAD {
        // The content length is that of GET. A stream has none: reading it would not end.
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
        request.encoding.filter(|_| text && !response.headers().contains_key(header::CONTENT_ENCODING))
    else {
        return response;
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let Ok(bytes) = response.take_body().into_bytes().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let compress = bytes.len() >= COMPRESSED_MIN;
    response.set_body(bytes);
    if compress { Compress::new(response, algorithm).into_response() } else { response }
}
