//! Who is trusted here: the first administrator, and the keys and revocations that all groups check tokens against.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use contracts::users::{Command, Reply, Users};
use group::{Call, Client, Credentials, Failure, Unavailable, Why};
use serde::{Deserialize, Serialize};
use token::{ClusterKey, Verifier};

use super::data::{DataDir, write_private};

/// How often keys and revocations are fetched: half the staleness that is allowed.
const PUBLISH_EVERY: Duration = Duration::from_secs(2);
/// How often they are fetched while there are none: until then no token can be checked.
const FIRST_KEYS_EVERY: Duration = Duration::from_millis(100);
/// How often something is tried again while the groups are starting.
const RETRY: Duration = Duration::from_millis(5);
/// How long the first start may take.
const FIRST_START_MAX: Duration = Duration::from_secs(30);

/// `admin.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Administrator {
    /// Where it may be sent to.
    pub url: String,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// The sign-in of the administrator, to be shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Hears of keys and revocations once, then for ever.
///
/// # Errors
/// When `auth` does not start.
pub async fn follow(client: &Client, data: &DataDir, verifier: &Arc<Verifier>) -> anyhow::Result<()> {
    let (key, name) = (data.key.clone(), data.node_name());
    until_ready(|| auth::publish(client, &key, &name, verifier)).await.context("hearing of signing keys")?;
    tokio::spawn(keep_following(client.clone(), key, name, Arc::clone(verifier)));
    Ok(())
}

/// Hears of keys and revocations for ever, from whenever `auth` can be reached. Those known go on while it cannot.
pub async fn keep_following(client: Client, key: ClusterKey, name: String, verifier: Arc<Verifier>) {
    let mut fails = false;
    loop {
        match auth::publish(&client, &key, &name, &verifier).await {
            Ok(()) => {
                fails = false;
                tokio::time::sleep(PUBLISH_EVERY).await;
            }
            Err(failure) => {
                if !fails && verifier.has_keys() {
                    tracing::warn!(%failure, "keys and revocations could not be fetched; those known go on");
                }
                fails = true;
                tokio::time::sleep(if verifier.has_keys() { PUBLISH_EVERY } else { FIRST_KEYS_EVERY }).await;
            }
        }
    }
}

/// Makes the administrator's client and `admin.json`, unless that was done before.
///
/// # Errors
/// When `auth` refuses, or the file cannot be written.
pub async fn set_up_client(client: &Client, data: &DataDir, url: &str) -> anyhow::Result<()> {
    if data.fixed().set_up {
        return Ok(());
    }
    let file = data.path.join("admin.json");
    // A start that was cut short left its secret there.
    let before =
        std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Administrator>(&text).ok());
    let administrator = Administrator {
        url: url.to_owned(),
        client_id: auth::ADMIN_CLIENT.to_owned(),
        client_secret: before.map_or_else(|| token::random_secret("sec_"), |before| before.client_secret),
    };
    write_private(&file, &serde_json::to_vec_pretty(&administrator)?)?;
    let name = data.node_name();
    let made =
        until_ready(|| auth::first_start(client, &data.key, &name, &administrator.client_secret)).await;
    made.map(drop).context("making the administrator")
}

/// Makes the administrator's account, unless there is one. Its password is nowhere but in the answer.
///
/// # Errors
/// When `users` refuses.
pub async fn set_up_account(
    client: &Client,
    credentials: &dyn Credentials,
    host: &str,
) -> anyhow::Result<Option<SignIn>> {
    let email = format!("admin@{host}");
    let password = token::random_secret("");
    let salt: [u8; 16] = rand::random();
    let hashed = password.clone();
    let password_hash = tokio::task::spawn_blocking(move || users::password::hash(&hashed, salt)).await?;
    let command = Command::CreateAdministrator { email: email.clone(), password_hash };
    let made = until_ready(|| async {
        let token = credentials.service_token("users", None).await.map_err(Failure::Unavailable)?;
        client.command::<Users>(&Call::bearer(token, Duration::from_secs(10)), command.clone()).await
    });
    match made.await? {
        Reply::Account(_) => Ok(Some(SignIn { email, password })),
        Reply::Done => Ok(None),
    }
}

/// Tries again while a group has no leader yet.
///
/// # Errors
/// Any other failure, or when that takes too long.
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
