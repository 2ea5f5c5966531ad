//! The tokens of a sign-in: kept fresh, and taken back.

use anyhow::{Context, bail};
use serde::Deserialize;

use super::CLIENT;
use super::device::{refusal, word};
use super::store::{Store, StoredSignIn};

/// What the token endpoint answers.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Granted {
    pub access_token: String,
    /// In seconds.
    pub expires_in: i64,
    pub refresh_token: Option<String>,
    pub scope: Option<String>,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Granted({:?})", self.scope)
    }
}

impl Granted {
    /// As it is kept.
    pub fn kept(self, url: &str, scope: &str) -> StoredSignIn {
        StoredSignIn::new(url, self.access_token, self.expires_in, self.refresh_token, scope)
    }
}

/// What became of a sign-in.
pub enum Token {
    /// It goes on, with this access token.
    Good(String),
    /// It has ended: nothing of it is kept any more.
    Ended,
}

/// An access token of a sign-in: the one that is kept, or the next, where that one is about to expire or is the one that
/// was `refused`.
///
/// # Errors
/// When the server cannot be reached, or the next one cannot be kept.
pub async fn fresh(
    http: &reqwest::Client,
    store: &Store,
    kept: StoredSignIn,
    refused: Option<&str>,
) -> anyhow::Result<Token> {
    let good = |kept: &StoredSignIn| kept.is_fresh() && refused != Some(kept.access_token.as_str());
    if good(&kept) {
        return Ok(Token::Good(kept.access_token));
    }
    let (waiting, url) = (store.clone(), kept.url.clone());
    let lock = tokio::task::spawn_blocking(move || waiting.lock(&url)).await?;
    let _lock = lock.context("keeping others from exchanging the sign-in")?;
    // Another process may have exchanged it meanwhile, or ended it.
    let Some(kept) = store.get(&kept.url)? else { return Ok(Token::Ended) };
    if good(&kept) {
        return Ok(Token::Good(kept.access_token));
    }
    let Some(refresh_token) = &kept.refresh_token else { return ended(store, &kept) };
    let form = [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", refresh_token)];
    let url = &kept.url;
    let answer = http.post(format!("{url}/oauth/token")).form(&form).send().await;
    let answer = answer.with_context(|| format!("no answer from {url}: is the server running?"))?;
    let status = answer.status();
    let bytes = answer.bytes().await.context("the answer broke off")?;
    if status.is_success() {
        let next: Granted = serde_json::from_slice(&bytes).context("reading the token")?;
        let scope = next.scope.clone().unwrap_or_else(|| kept.scope.clone());
        // Without another one, this one stays good (RFC 6749 §6).
        let refresh_token = next.refresh_token.clone().or(kept.refresh_token);
        let next = StoredSignIn { refresh_token, ..next.kept(url, &scope) };
        store.put(&next).context("keeping the sign-in")?;
        return Ok(Token::Good(next.access_token));
    }
    match word(&bytes).as_str() {
        "invalid_grant" | "invalid_client" | "unauthorized_client" => ended(store, &kept),
        _ => Err(refusal(url, status, &bytes)),
    }
}

fn ended(store: &Store, kept: &StoredSignIn) -> anyhow::Result<Token> {
    store.remove(&kept.url)?;
    Ok(Token::Ended)
}

/// Tells the server that a sign-in is over: its tokens are void then.
///
/// # Errors
/// When the server does not hear of it.
pub async fn revoke(http: &reqwest::Client, kept: &StoredSignIn) -> anyhow::Result<()> {
    let token = kept.refresh_token.as_ref().unwrap_or(&kept.access_token);
    let form = [("token", token.as_str()), ("client_id", CLIENT)];
    let answer =
        http.post(format!("{}/oauth/revoke", kept.url)).form(&form).send().await.context("no answer")?;
    if !answer.status().is_success() {
        bail!("it answered {}", answer.status().as_u16());
    }
    Ok(())
}
