//! The tokens of a sign-in: refreshed before they expire, and revoked at sign-out.

use anyhow::{Context, bail};
use oauth2::basic::{BasicErrorResponseType, BasicTokenResponse};
use oauth2::{RefreshToken, RequestTokenError, TokenResponse};

use super::oauth::{self, CLIENT_ID};
use super::store::{SignInStore, StoredSignIn};

/// The state of a stored sign-in.
pub enum Token {
    /// The sign-in is valid, with this access token.
    Valid(String),
    /// The sign-in has ended, and was removed from the store.
    Ended,
}

/// The sign-in to store for a token response. `scope` and `refresh_token` apply if the response has none.
pub fn stored(
    response: &BasicTokenResponse,
    url: &str,
    scope: &str,
    refresh_token: Option<String>,
) -> StoredSignIn {
    let scopes = response.scopes().map(|scopes| {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        scopes.join(" ")
    });
    StoredSignIn::new(
        url,
        response.access_token().secret().clone(),
        i64::try_from(response.expires_in().unwrap_or_default().as_secs()).unwrap_or(i64::MAX),
        response.refresh_token().map(|token| token.secret().clone()).or(refresh_token),
        scopes.as_deref().unwrap_or(scope),
    )
}

/// A valid access token of a sign-in: the stored one, or a new one if the stored one is about to expire or is `rejected`.
///
/// # Errors
/// When the server cannot be reached, or the new token cannot be stored.
pub async fn fresh(
    http: &reqwest::Client,
    store: &SignInStore,
    sign_in: StoredSignIn,
    rejected: Option<&str>,
) -> anyhow::Result<Token> {
    let valid =
        |sign_in: &StoredSignIn| sign_in.is_fresh() && rejected != Some(sign_in.access_token.as_str());
    if valid(&sign_in) {
        return Ok(Token::Valid(sign_in.access_token));
    }
    let (locking, url) = (store.clone(), sign_in.url.clone());
    let lock = tokio::task::spawn_blocking(move || locking.lock(&url)).await?;
    let _lock = lock.context("locking the stored sign-in")?;
    // Another process may have refreshed or removed it meanwhile.
    let Some(sign_in) = store.get(&sign_in.url)? else { return Ok(Token::Ended) };
    if valid(&sign_in) {
        return Ok(Token::Valid(sign_in.access_token));
    }
    let Some(refresh_token) = sign_in.refresh_token.clone() else { return ended(store, &sign_in) };
    let url = &sign_in.url;
    let client = oauth::client(url)?;
    let request = RefreshToken::new(refresh_token.clone());
    let send = |request| oauth::send(http.clone(), request);
    match client.exchange_refresh_token(&request).request_async(&send).await {
        Ok(response) => {
            // Without a new refresh token the old one stays valid (RFC 6749 §6).
            let next = stored(&response, url, &sign_in.scope, Some(refresh_token));
            store.put(&next).context("storing the sign-in")?;
            Ok(Token::Valid(next.access_token))
        }
        Err(RequestTokenError::ServerResponse(response))
            if matches!(
                response.error(),
                BasicErrorResponseType::InvalidGrant
                    | BasicErrorResponseType::InvalidClient
                    | BasicErrorResponseType::UnauthorizedClient
            ) =>
        {
            ended(store, &sign_in)
        }
        Err(error) => Err(oauth::describe(url, error)),
    }
}

fn ended(store: &SignInStore, sign_in: &StoredSignIn) -> anyhow::Result<Token> {
    store.remove(&sign_in.url)?;
    Ok(Token::Ended)
}

/// Revokes the tokens of a sign-in at the server (RFC 7009). Not by the crate `oauth2`, which refuses plain HTTP here.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn revoke(http: &reqwest::Client, sign_in: &StoredSignIn) -> anyhow::Result<()> {
    let token = sign_in.refresh_token.as_ref().unwrap_or(&sign_in.access_token);
    let form = [("token", token.as_str()), ("client_id", CLIENT_ID)];
    let response =
        http.post(format!("{}/oauth/revoke", sign_in.url)).form(&form).send().await.context("no response")?;
    if !response.status().is_success() {
        bail!("it responded with {}", response.status().as_u16());
    }
    Ok(())
}
