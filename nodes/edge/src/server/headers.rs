//! Security and cache headers of responses.

use poem::Response;
use poem::http::{HeaderName, HeaderValue, header};

/// The policy of pages: everything from the own origin, nothing inline. Images may be `data:` URLs, as in style sheets.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'",
);
/// The policy of other responses.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=()"),
    ),
];

/// The `Content-Security-Policy` of a page whose form redirects to other sites, such as consent pages (`redirect_uri`) and
/// payments (3-D Secure): browsers apply `form-action` to redirects, too.
///
/// `targets` are URLs. Their origins are allowed; invalid ones are omitted.
pub fn policy_with_form_actions(targets: &[&str]) -> HeaderValue {
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

/// Adds the security headers. A header that the response has already is kept.
pub(crate) fn add_security_headers(response: &mut Response, https: bool) {
    let page = response.content_type().is_some_and(|media_type| media_type.starts_with("text/html"));
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(if page { POLICY } else { API_POLICY });
    if https {
        let always = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(always);
    }
}

/// Forbids shared caches to store the response, unless it has a cache policy. Secret links authorise requests without an
/// `Authorization` header, by which caches would recognise private responses.
pub(crate) fn default_to_private(response: &mut Response) {
    let private = HeaderValue::from_static("private, no-cache");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(private);
}
