//! Checks of a request's head that concern every path: its size, its `Host`, and the headers that requests are authorized,
//! routed and read by. Each of these headers is readable and given once, or the request is refused: a header that is ignored
//! because it cannot be read changes what a request means.

use poem::Request;
use poem::http::uri::Authority;
use poem::http::{HeaderName, HeaderValue, Version, header};

use crate::problem::{FieldError, Problem, problem_types};

/// Longer URIs are refused, in bytes.
pub(crate) const URI_BYTES_MAX: usize = 16 << 10;

/// Headers of which a second one contradicts the first.
const SINGLE: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::ORIGIN,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("sec-fetch-site"),
];

/// Headers that are refused if they cannot be read. Negotiation (`Accept-Language`), cookies and conditions of reads are
/// preferences: they are ignored then.
const READ: [HeaderName; 13] = [
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::ORIGIN,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// The maximum size of a head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    pub headers_max: usize,
    pub header_bytes_max: usize,
}

/// Checks the head of `request`, and makes its `Host` that of the request's target if the target has one.
///
/// # Errors
/// 414 and 431 when it is too large, 417 for an unknown expectation, 400 when a header is repeated or cannot be read, or
/// when the host is missing or invalid.
pub(crate) fn check(request: &mut Request, limits: HeadLimits) -> Result<(), Problem> {
    check_size(request, limits)?;
    let mut errors = Vec::new();
    let headers = request.headers();
    for name in &SINGLE {
        if headers.get_all(name).iter().nth(1).is_some() {
            errors.push(FieldError::named("", &title_case(name), "given more than once"));
        }
    }
    for name in &READ {
        if headers.get_all(name).iter().any(|value| value.to_str().is_err()) {
            let detail = "contains characters that are not visible ASCII";
            errors.push(FieldError::named("", &title_case(name), detail));
        }
    }
    if !errors.is_empty() {
        let problem = Problem::new(&problem_types::BAD_REQUEST);
        return Err(problem.detail("Some headers cannot be used.").fields(errors));
    }
    let expectation = headers.get(header::EXPECT);
    if expectation.is_some_and(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Problem::new(&problem_types::EXPECTATION_FAILED)
            .detail("The only expectation that is supported is 100-continue."));
    }
    check_host(request)
}

fn check_size(request: &Request, limits: HeadLimits) -> Result<(), Problem> {
    let uri = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if uri > URI_BYTES_MAX {
        let detail = format!("The maximum length is {URI_BYTES_MAX} bytes.");
        return Err(Problem::new(&problem_types::URI_TOO_LONG).detail(detail));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > limits.headers_max || bytes > limits.header_bytes_max {
        let HeadLimits { headers_max, header_bytes_max } = limits;
        let detail = format!("At most {headers_max} headers with {header_bytes_max} bytes are accepted.");
        return Err(Problem::new(&problem_types::HEADERS_TOO_LARGE).detail(detail));
    }
    Ok(())
}

/// RFC 9112, 3.2 and RFC 9113, 8.3.1.
fn check_host(request: &mut Request) -> Result<(), Problem> {
    let bad = |why: &'static str| Err(Problem::new(&problem_types::BAD_REQUEST).detail(why));
    let valid = |host: &str| host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'));
    let version = request.version();
    // `:authority` of HTTP/2, or the absolute form of HTTP/1.
    let target = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let host = request.header(header::HOST).map(str::to_owned);
    if host.as_deref().is_some_and(|host| !valid(host)) {
        return bad("The Host header is not a host with an optional port.");
    }
    match (&target, &host) {
        (Some(target), _) if !valid(target) => bad("The request's target has no valid host."),
        (Some(target), Some(host)) if version == Version::HTTP_2 && !target.eq_ignore_ascii_case(host) => {
            bad("The Host header differs from :authority.")
        }
        (Some(target), _) => {
            // The target has precedence over the header.
            if let Ok(value) = HeaderValue::from_str(target) {
                request.headers_mut().insert(header::HOST, value);
            }
            Ok(())
        }
        // Requests that did not come through a socket need no host.
        (None, None) if version > Version::HTTP_10 && request.remote_addr().as_socket_addr().is_some() => {
            bad("The Host header is missing.")
        }
        _ => Ok(()),
    }
}

/// `content-type` as `Content-Type`.
fn title_case(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}
