//! An HTTP client of one server's REST API, with a token.

use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::target::trimmed;

pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// A server, and a token for it.
#[derive(Debug, Clone)]
pub struct ApiClient {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
    pub(super) token: String,
}

impl ApiClient {
    /// A server, and a token that was come by elsewhere.
    ///
    /// # Errors
    /// When no connection can be made at all.
    pub fn with_token(url: String, token: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, url: trimmed(&url), token })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the edge at `address`, another node of the same cluster, says that it serves. Unknown where edges speak
    /// TLS, whose certificates name no such addresses; then it is believed.
    pub async fn is_ready(&self, address: std::net::SocketAddr) -> bool {
        if self.url.starts_with("https://") {
            return true;
        }
        let answer = self.http.get(format!("http://{address}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// A request under way to a path.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// The server's problem, in a line.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        answer(self.request(reqwest::Method::GET, path)).await
    }

    /// Posts JSON and gets JSON.
    ///
    /// # Errors
    /// The server's problem, in a line.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        answer(self.request(reqwest::Method::POST, path).json(body)).await
    }
}

/// Sends, and reads JSON (null for an empty answer).
///
/// # Errors
/// The server's problem, in a line.
pub async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> anyhow::Result<T> {
    let answer = request.send().await.context("no answer: is the server running?")?;
    let status = answer.status();
    let bytes = answer.bytes().await.context("the answer broke off")?;
    if !status.is_success() {
        return Err(problem(status, &bytes));
    }
    let bytes = if bytes.is_empty() { b"null" } else { &bytes[..] };
    serde_json::from_slice(bytes).context("the answer is not what was asked for")
}

/// A problem document as one line.
pub fn problem(status: reqwest::StatusCode, bytes: &[u8]) -> anyhow::Error {
    let Ok(problem) = serde_json::from_slice::<Value>(bytes) else {
        return anyhow!("the server answered {status}");
    };
    let word = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
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
    let mut line = word("title");
    for more in [word("detail"), fields.join("; ")] {
        if !more.is_empty() {
            line = format!("{line}: {more}");
        }
    }
    anyhow!("{line} ({})", status.as_u16())
}
