//! What a server answered, and what every answer has to look like.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `GET /v1/hotels`
    pub request_line: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
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

    /// The same, if it has this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}: {}", self.request_line, self.status, self.text());
        assert!(
            self.headers.contains_key("x-request-id"),
            "{} answered without X-Request-Id",
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
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{}: no JSON ({error}): {}", self.request_line, self.text()))
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem that this answer is (RFC 9457), if it has this status and type and all that belongs to it.
    ///
    /// # Panics
    /// When it is something else.
    #[track_caller]
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{} answered {}: {}", self.request_line, self.status, self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.request_line);
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{}: {problem}", self.request_line);
        assert_eq!(problem["status"], status, "{}: {problem}", self.request_line);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert_eq!(
            problem["instance"],
            self.header("x-request-id"),
            "the instance is the request's id: {problem}"
        );
        problem
    }

    /// The same as [`Answer::problem`], and it names this field.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn complains_of(&self, status: u16, slug: &str, pointer: &str) {
        let problem = self.problem(status, slug);
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let named = errors.iter().any(|error| error["pointer"] == pointer && error["detail"].is_string());
        assert!(named, "{}: no word about {pointer}: {problem}", self.request_line);
    }
}
