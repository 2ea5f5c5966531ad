//! How operator verbs reach a running server: where it is, and as whom they act.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::machine::trust::Administrator;

/// Where `admin.json` is looked for when nothing is said.
const USUAL: &str = "./auberge-data/admin.json";
const TIMEOUT: Duration = Duration::from_secs(120);

/// Which server, and as whom.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The administrator's file, from the data directory of the server [default: ./auberge-data/admin.json].
    #[arg(long, value_name = "FILE", global = true)]
    admin: Option<PathBuf>,
    /// The server's address, if it is not the one in the file.
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
}

/// A server, and a token for it.
#[derive(Debug, Clone)]
pub struct Server {
    http: reqwest::Client,
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

impl Target {
    /// Signs in: with `AUBERGE_TOKEN`, else with the administrator's file.
    ///
    /// # Errors
    /// When there is neither, or the server refuses.
    pub async fn sign_in(&self) -> anyhow::Result<Server> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let given = self.url.clone().or_else(|| std::env::var("AUBERGE_URL").ok());
        if let Ok(token) = std::env::var("AUBERGE_TOKEN") {
            let url = given.context("AUBERGE_TOKEN needs --url (or AUBERGE_URL) beside it")?;
            return Ok(Server { http, url: trimmed(&url), token });
        }
        let file = self.admin.clone().unwrap_or_else(|| PathBuf::from(USUAL));
        let administrator = read(&file)?;
        let url = trimmed(given.as_deref().unwrap_or(&administrator.url));
        // The secret goes where the file says; elsewhere only if the file itself was named.
        if url != trimmed(&administrator.url) && self.admin.is_none() {
            bail!("{url} is not where {} belongs; name the file with --admin if it is", file.display());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &administrator.client_id),
            ("client_secret", &administrator.client_secret),
        ];
        let answer = http.post(format!("{url}/oauth/token")).form(&form).send().await;
        let answer = answer.with_context(|| format!("no answer from {url}: is the server running?"))?;
        if !answer.status().is_success() {
            bail!("{url} does not take {}: {}", file.display(), answer.status());
        }
        let issued: Issued = answer.json().await.context("reading the token")?;
        Ok(Server { http, url, token: issued.access_token })
    }

    /// The server that an administrator's file names.
    pub fn of(admin: PathBuf) -> Self {
        Self { admin: Some(admin), url: None }
    }

    /// As given on a command line.
    pub fn at(admin: Option<PathBuf>, url: Option<String>) -> Self {
        Self { admin, url }
    }

    /// The address alone, for verbs that need no sign-in.
    pub fn address(&self) -> Option<String> {
        self.url.clone().map(|url| trimmed(&url))
    }
}

fn read(file: &Path) -> anyhow::Result<Administrator> {
    let text = std::fs::read(file).with_context(|| {
        format!(
            "reading {} (name the administrator's file with --admin, or set AUBERGE_TOKEN)",
            file.display()
        )
    })?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not an administrator's file", file.display()))
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

impl Server {
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
