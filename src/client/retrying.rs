//! A client for long operations: it retries while an edge is unavailable, and signs in again when its token has expired.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use protocol::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use token::ClusterKey;

use super::api_client::{self, ApiClient};
use super::target::Target;
use crate::server::data_dir;

/// Maximum time of retries.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Interval of retries.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A client that retries, and signs in again when its token has expired.
pub struct RetryingClient<'a> {
    target: &'a Target,
    /// The data directory of a node whose credential is used instead of a sign-in.
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

    /// Signs in with an [`OperatorAccess`].
    ///
    /// # Errors
    /// As [`OperatorAccess::sign_in`].
    pub async fn with_access(access: &'a OperatorAccess) -> anyhow::Result<Self> {
        Ok(Self { target: &access.target, data: access.data.as_deref(), server: access.sign_in().await? })
    }

    async fn sign_in_again(&self) -> anyhow::Result<ApiClient> {
        match self.data {
            Some(data) => with_node_credential(data, self.target.address()),
            None => self.target.sign_in_again(&self.server).await,
        }
    }

    /// The client for requests that must not be retried.
    pub fn once(&self) -> &ApiClient {
        &self.server
    }

    /// Gets JSON, and retries transient failures.
    ///
    /// # Errors
    /// When the server refuses, or is unavailable for a minute.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        self.send(Method::GET, path, None::<&()>).await
    }

    /// Posts JSON with retries, for requests without side effects.
    ///
    /// # Errors
    /// As [`RetryingClient::get`].
    pub async fn post_idempotent<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn send<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            let why = match self.attempt(method.clone(), path, body).await? {
                Ok(found) => return Ok(found),
                Err(why) => why,
            };
            if begun.elapsed() > RETRY_MAX {
                return Err(why.context("no response for a minute; operations in progress continue"));
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    /// One attempt. The inner error is transient, the outer one is not.
    async fn attempt<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Result<T, anyhow::Error>> {
        let mut request = self.server.request(method, path).timeout(Duration::from_secs(15));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(anyhow::Error::new(error).context("no response"))),
        };
        let status = response.status();
        let bytes = match response.bytes().await {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(anyhow::Error::new(error).context("the response was cut off"))),
        };
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .context("unexpected response: does the server run another version?")
                .map(Ok);
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

/// The credentials of commands that must work when nobody can sign in.
#[derive(Debug, Args)]
pub struct OperatorAccess {
    /// Use the cluster key in a node's data directory on this machine, and send requests to that node: for when `auth` is
    /// lost and nobody can sign in.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

impl OperatorAccess {
    /// A client with the operator's token, or with a node's credential.
    ///
    /// # Errors
    /// As [`Target::sign_in`]; and when the directory does not belong to a cluster's node.
    pub async fn sign_in(&self) -> anyhow::Result<ApiClient> {
        match &self.data {
            Some(data) => with_node_credential(data, self.target.address()),
            None => self.target.sign_in().await,
        }
    }
}

/// A client of the node whose data directory is given, with the node's credential, which is valid for a minute.
fn with_node_credential(data: &Path, url: Option<String>) -> anyhow::Result<ApiClient> {
    let metadata = data_dir::read(data)?.and_then(|metadata| metadata.node);
    let node = metadata
        .with_context(|| format!("{} is not the data directory of a cluster's node", data.display()))?;
    let key = ClusterKey::load(&data.join("cluster.key")).context("the cluster key")?;
    let credential = key.node_credential(&node.name, Timestamp::wall_clock());
    ApiClient::with_token(url.unwrap_or(node.url), credential)
}
