//! RetryingClient a cluster for as long as it takes: an edge may be away for a moment, and a token ends after ten minutes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use protocol::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use token::ClusterKey;

use super::api_client::{self, ApiClient};
use super::target::Target;
use crate::server::data_dir;

/// How long nobody answers before that is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A cluster, and the way to sign in to it again.
pub struct RetryingClient<'a> {
    target: &'a Target,
    /// The data directory of a node whose key is used instead of a sign-in.
    data: Option<&'a Path>,
    server: ApiClient,
}

impl<'a> RetryingClient<'a> {
    /// Signs in.
    ///
    /// # Errors
    /// As [`Target::sign_in`].
    pub async fn sign_in(target: &'a Target) -> anyhow::Result<Self> {
        Ok(Self { target, data: None, server: target.sign_in().await? })
    }

    /// The same by a [`OperatorAccess`].
    ///
    /// # Errors
    /// As [`OperatorAccess::sign_in`].
    pub async fn by(way: &'a OperatorAccess) -> anyhow::Result<Self> {
        Ok(Self { target: &way.target, data: way.data.as_deref(), server: way.sign_in().await? })
    }

    async fn sign_in_again(&self) -> anyhow::Result<ApiClient> {
        match self.data {
            Some(data) => by_key(data, self.target.address()),
            None => self.target.sign_in_again(&self.server).await,
        }
    }

    /// The server, for what is asked once.
    pub fn server(&self) -> &ApiClient {
        &self.server
    }

    /// Gets JSON, patiently: what answers with a failure that passes is asked again.
    ///
    /// # Errors
    /// The server's problem in a line, or that there is no server any more.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// Posts JSON that changes nothing, as patiently.
    ///
    /// # Errors
    /// As [`RetryingClient::get`].
    pub async fn post_harmless(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let begun = Instant::now();
        loop {
            let why = match self.attempt(method.clone(), path, body).await? {
                Ok(found) => return Ok(found),
                Err(why) => why,
            };
            if begun.elapsed() > PATIENCE {
                return Err(why.context("no answer for a minute; what was begun goes on"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One attempt: the answer, or a failure that may pass; the outer error will not.
    async fn attempt(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Result<Value, anyhow::Error>> {
        let mut request = self.server.request(method, path).timeout(Duration::from_secs(15));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(anyhow::Error::new(error).context("no answer"))),
        };
        let status = answer.status();
        let bytes = match answer.bytes().await {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(anyhow::Error::new(error).context("the answer broke off"))),
        };
        if status.is_success() {
            return serde_json::from_slice(&bytes).context("the answer is not JSON").map(Ok);
        }
        let problem = api_client::problem(status, &bytes);
        match status {
            StatusCode::UNAUTHORIZED => match self.sign_in_again().await {
                Ok(server) => {
                    self.server = server;
                    Ok(Err(problem))
                }
                Err(why) => Ok(Err(why)),
            },
            StatusCode::TOO_MANY_REQUESTS => Ok(Err(problem)),
            status if status.is_server_error() => Ok(Err(problem)),
            _ => Err(problem),
        }
    }
}

/// As whom a verb acts that is needed when no sign-in is possible any more.
#[derive(Debug, Args)]
pub struct OperatorAccess {
    /// Show that you may by the cluster key in a node's data directory on this machine, and ask that node: for when `auth`
    /// is lost, and nobody can sign in.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

impl OperatorAccess {
    /// The server, and a token for it: the operator's, or a node's own credential.
    ///
    /// # Errors
    /// As [`Target::sign_in`]; when the directory is no node's.
    pub async fn sign_in(&self) -> anyhow::Result<ApiClient> {
        match &self.data {
            Some(data) => by_key(data, self.target.address()),
            None => self.target.sign_in().await,
        }
    }
}

/// The server of a node whose key is on this machine, and the node's own credential: good for a minute.
fn by_key(data: &Path, url: Option<String>) -> anyhow::Result<ApiClient> {
    let metadata = data_dir::read(data)?.and_then(|metadata| metadata.node);
    let node = metadata.with_context(|| format!("{} is no data directory of a node", data.display()))?;
    let key = ClusterKey::load(&data.join("cluster.key")).context("the cluster key")?;
    let credential = key.node_credential(&node.name, Timestamp::wall_clock());
    ApiClient::with_token(url.unwrap_or(node.url), credential)
}
