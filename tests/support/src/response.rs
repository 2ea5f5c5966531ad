//! HTTP responses, and checks that apply to all of them.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A complete HTTP response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The method and path of the request, such as `GET /v1/hotels`.
    pub request_line: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(
        request_line: String,
        response: reqwest::Response,
    ) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { request_line, status, headers, bytes: response.bytes().await?.to_vec() })
    }

    /// Checks the status and the request id, and returns the response.
    ///
    /// # Panics
    /// When the status differs, or the header `X-Request-Id` is missing.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} returned {}: {}", self.request_line, self.status, self.text());
        assert!(
            self.headers.contains_key("x-request-id"),
            "{}: the response has no X-Request-Id header",
            self.request_line
        );
        self
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| {
            panic!("{}: the body is not JSON ({error}): {}", self.request_line, self.text())
        })
    }

    /// The value of a header, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Checks that the response is a problem document (RFC 9457) with this status and type, and returns the document.
    ///
    /// # Panics
    /// When the response is something else, or a member of the document is missing or wrong.
    #[track_caller]
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{} returned {}: {}", self.request_line, self.status, self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.request_line);
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{}: {problem}", self.request_line);
        assert_eq!(problem["status"], status, "{}: {problem}", self.request_line);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert_eq!(
            problem["instance"],
            self.header("x-request-id"),
            "the instance has to be the request id: {problem}"
        );
        problem
    }

    /// Checks the same as [`Answer::problem`], and that `errors` contains this JSON pointer.
    ///
    /// # Panics
    /// When one of these checks fails.
    #[track_caller]
    pub fn complains_of(&self, status: u16, slug: &str, pointer: &str) {
        let problem = self.problem(status, slug);
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let named = errors.iter().any(|error| error["pointer"] == pointer && error["detail"].is_string());
        assert!(named, "{}: no error for {pointer}: {problem}", self.request_line);
    }
}
