//! An HTTP client of one server's REST API, with a token.

use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::target::trimmed;

pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// A server's address, and a token for it.
#[derive(Debug, Clone)]
pub struct ApiClient {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
    pub(super) token: String,
}

impl ApiClient {
    /// A client with a token.
    ///
    /// # Errors
    /// When the HTTP client cannot be created.
    pub fn with_token(url: String, token: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, url: trimmed(&url), token })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the edge at `address`, a node of the same cluster, is ready. With TLS it is assumed to be: certificates do not
    /// contain this address.
    pub async fn is_ready(&self, address: std::net::SocketAddr) -> bool {
        if self.url.starts_with("https://") {
            return true;
        }
        let response = self.http.get(format!("http://{address}/readyz")).send().await;
        response.is_ok_and(|response| response.status().is_success())
    }

    /// A request to a path, with the token.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses; its problem document as one line.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        send(self.request(reqwest::Method::GET, path)).await
    }

    /// Posts JSON and gets JSON.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses; its problem document as one line.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        send(self.request(reqwest::Method::POST, path).json(body)).await
    }
}

/// Sends a request, and parses the JSON of its response (null if it is empty).
///
/// # Errors
/// When the server cannot be reached, or refuses; its problem document as one line.
pub async fn send<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> anyhow::Result<T> {
    let response = request.send().await.context("no response: is the server running?")?;
    let status = response.status();
    let bytes = response.bytes().await.context("the response was cut off")?;
    if !status.is_success() {
        return Err(problem(status, &bytes));
    }
    let bytes = if bytes.is_empty() { b"null" } else { &bytes[..] };
    serde_json::from_slice(bytes).context("unexpected response")
}

/// A problem document as one line.
pub fn problem(status: reqwest::StatusCode, bytes: &[u8]) -> anyhow::Error {
    let Ok(problem) = serde_json::from_slice::<Value>(bytes) else {
        return anyhow!("the server responded with {status}");
    };
    let member = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let fields = problem["errors"].as_array().into_iter().flatten();
    let fields: Vec<_> = fields
        .map(|error| {
            format!(
                "{} {}",
                error["pointer"].as_str().unwrap_or_default(),
                error["detail"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let mut line = member("title");
    for more in [member("detail"), fields.join("; ")] {
        if !more.is_empty() {
            line = format!("{line}: {more}");
        }
    }
    anyhow!("{line} ({})", status.as_u16())
}
