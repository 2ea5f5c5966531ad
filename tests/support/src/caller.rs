//! Somebody who talks to a server over HTTP.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::response::Answer;

/// Somebody with a token, or without.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    /// Where the server is, without a slash at the end.
    pub url: String,
    /// The access token.
    pub token: Option<String>,
}

/// A request that is still being put together; `.await` sends it.
#[derive(Debug)]
pub struct RequestBuilder {
    inner: reqwest::RequestBuilder,
    request_line: String,
}

impl Caller {
    /// Somebody without a token.
    ///
    /// # Panics
    /// When the HTTP client cannot be made.
    pub fn new(url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self { http, url: url.into(), token: None }
    }

    /// The same person, signed in.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same person, without a token.
    #[must_use]
    pub fn signed_out(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same person, at another edge.
    #[must_use]
    pub fn at(&self, url: impl Into<String>) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// A request of any method.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let mut request = self.http.request(method.clone(), url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        RequestBuilder { inner: request, request_line: format!("{method} {path}") }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// `POST` with JSON.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// `PATCH` with JSON.
    pub fn patch(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PATCH, path).json(body)
    }

    /// `PUT` with JSON.
    pub fn put(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PUT, path).json(body)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// `POST` with a form.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let RequestBuilder { inner, request_line } = self.request(Method::POST, path);
        RequestBuilder { inner: inner.form(fields), request_line }
    }
}

impl RequestBuilder {
    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { inner: self.inner.header(name, value), ..self }
    }

    /// With an idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Only if the thing still has this ETag.
    #[must_use]
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// With JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self { inner: self.inner.json(body), ..self }
    }

    /// With these bytes, of this type.
    #[must_use]
    pub fn bytes(self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { inner: self.inner.header("content-type", content_type).body(bytes.into()), ..self }
    }

    /// Given up after this time.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { inner: self.inner.timeout(time), ..self }
    }

    /// Sends it to a server that may not be there.
    ///
    /// # Errors
    /// When there is no whole answer.
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
            self.attempt().await.unwrap_or_else(|error| panic!("{request_line}: no answer: {error:?}"))
        })
    }
}
