//! The first administrator, and the signing keys and revocations against which tokens are verified.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use contracts::users::CreateAdministrator;
use group::{Call, Client, Credentials, Failure, Unavailable, Why};
use serde::{Deserialize, Serialize};
use token::{ClusterKey, Verifier};

use super::data_dir::DataDir;
use crate::files::write_private;

/// Interval of fetching keys and revocations: half of the permitted staleness.
const PUBLISH_EVERY: Duration = Duration::from_secs(2);
/// Interval while no keys are known: until then no token can be verified.
const FIRST_KEYS_EVERY: Duration = Duration::from_millis(100);
/// Interval of retries while the groups start.
const RETRY: Duration = Duration::from_millis(5);
/// Maximum time of the first start.
const FIRST_START_MAX: Duration = Duration::from_secs(30);

/// The content of `admin.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct AdminFile {
    /// The only server that the secret is sent to by default.
    pub url: String,
    pub client_id: String,
    pub client_secret: String,
}

/// The administrator's sign-in, which is printed once.
#[derive(Clone, Serialize, Deserialize)]
pub struct AdministratorSignIn {
    pub email: String,
    pub password: String,
}

/// Fetches keys and revocations once, then starts [`keep_fetching_keys`] in the background.
///
/// # Errors
/// When `auth` does not start.
pub async fn start_fetching_keys(
    client: &Client,
    data: &DataDir,
    verifier: &Arc<Verifier>,
) -> anyhow::Result<()> {
    let (key, name) = (data.key.clone(), data.node_name());
    until_ready(|| auth::refresh_verifier(client, &key, &name, verifier))
        .await
        .context("fetching signing keys")?;
    tokio::spawn(keep_fetching_keys(client.clone(), key, name, Arc::clone(verifier)));
    Ok(())
}

/// Fetches keys and revocations repeatedly, for ever. While `auth` cannot be reached, the known ones stay in use.
pub async fn keep_fetching_keys(client: Client, key: ClusterKey, name: String, verifier: Arc<Verifier>) {
    let mut failing = false;
    loop {
        match auth::refresh_verifier(&client, &key, &name, &verifier).await {
            Ok(()) => {
                failing = false;
                tokio::time::sleep(PUBLISH_EVERY).await;
            }
            Err(failure) => {
                if !failing && verifier.has_keys() {
                    tracing::warn!(%failure, "fetching keys and revocations failed; the known ones stay in use");
                }
                failing = true;
                tokio::time::sleep(if verifier.has_keys() { PUBLISH_EVERY } else { FIRST_KEYS_EVERY }).await;
            }
        }
    }
}

/// Creates the administrator's client and `admin.json`, unless they exist.
///
/// # Errors
/// When `auth` refuses, or the file cannot be written.
pub async fn set_up_client(client: &Client, data: &DataDir, url: &str) -> anyhow::Result<()> {
    if data.metadata().set_up {
        return Ok(());
    }
    let file = data.path.join("admin.json");
    // An interrupted start has left its secret there.
    let before = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<AdminFile>(&text).ok());
    let administrator = AdminFile {
        url: url.to_owned(),
        client_id: auth::ADMIN_CLIENT.to_owned(),
        client_secret: before.map_or_else(|| token::random_secret("sec_"), |before| before.client_secret),
    };
    write_private(&file, &serde_json::to_vec_pretty(&administrator)?)?;
    let name = data.node_name();
    let created =
        until_ready(|| auth::bootstrap(client, &data.key, &name, &administrator.client_secret)).await;
    created.map(drop).context("creating the administrator's client")
}

/// Creates the administrator's account, unless there is one. The password is returned and stored only as a hash.
///
/// # Errors
/// When `users` refuses.
pub async fn set_up_account(
    client: &Client,
    credentials: &dyn Credentials,
    host: &str,
) -> anyhow::Result<Option<AdministratorSignIn>> {
    let email = format!("admin@{host}");
    let password = token::random_secret("");
    let salt: [u8; 16] = rand::random();
    let hashed = password.clone();
    let password_hash = tokio::task::spawn_blocking(move || users::password::hash(&hashed, salt)).await?;
    let request = CreateAdministrator { email: email.clone(), password_hash };
    let created = until_ready(|| async {
        let token = credentials.service_token("users", None).await.map_err(Failure::Unavailable)?;
        client.call(&Call::bearer(token, Duration::from_secs(10)), request.clone()).await
    });
    Ok(created.await?.map(|_| AdministratorSignIn { email, password }))
}

/// Retries while a group has no leader yet.
///
/// # Errors
/// Any other failure, and a leader that is missing for too long.
pub async fn until_ready<T, R: std::error::Error, F: Future<Output = Result<T, Failure<R>>>>(
    mut attempt: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let begun = tokio::time::Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. }))
                if begun.elapsed() < FIRST_START_MAX =>
            {
                tokio::time::sleep(RETRY).await;
            }
            Err(Failure::Refused(refusal)) => return Err(anyhow!("refused: {refusal}")),
            Err(failure) => return Err(anyhow!("{failure}")),
        }
    }
}
