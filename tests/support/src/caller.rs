//! HTTP client of a test.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::response::Answer;

/// An HTTP client for one server, with or without an access token.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    /// The base URL of the server, without a trailing slash.
    pub url: String,
    pub token: Option<String>,
}

/// A request under construction. `.await` sends it and panics when there is no response.
#[derive(Debug)]
pub struct RequestBuilder {
    inner: reqwest::RequestBuilder,
    request_line: String,
}

impl Caller {
    /// A client without a token.
    ///
    /// # Panics
    /// When the HTTP client cannot be created.
    pub fn new(url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("cannot create the HTTP client");
        Self { http, url: url.into(), token: None }
    }

    /// A copy of this client that sends an access token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// A copy of this client without a token.
    #[must_use]
    pub fn signed_out(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// A copy of this client for another base URL.
    #[must_use]
    pub fn at(&self, url: impl Into<String>) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// Builds a request. `path` is a path on the server or an absolute URL.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let mut request = self.http.request(method.clone(), url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        RequestBuilder { inner: request, request_line: format!("{method} {path}") }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PATCH, path).json(body)
    }

    /// `PUT` with a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PUT, path).json(body)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// `POST` with a form body.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let RequestBuilder { inner, request_line } = self.request(Method::POST, path);
        RequestBuilder { inner: inner.form(fields), request_line }
    }
}

impl RequestBuilder {
    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { inner: self.inner.header(name, value), ..self }
    }

    /// Adds an `Idempotency-Key` header.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Adds an `If-Match` header.
    #[must_use]
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self { inner: self.inner.json(body), ..self }
    }

    /// Sets a body of any content type.
    #[must_use]
    pub fn bytes(self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { inner: self.inner.header("content-type", content_type).body(bytes.into()), ..self }
    }

    /// Sets the timeout of the request.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { inner: self.inner.timeout(time), ..self }
    }

    /// Sends the request to a server that may be down.
    ///
    /// # Errors
    /// When there is no complete response.
    pub async fn attempt(self) -> Result<Answer, reqwest::Error> {
        Answer::of(self.request_line, self.inner.send().await?).await
    }
}

impl IntoFuture for RequestBuilder {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let request_line = self.request_line.clone();
            self.attempt().await.unwrap_or_else(|error| panic!("{request_line}: no response: {error:?}"))
        })
    }
}
