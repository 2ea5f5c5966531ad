//! Tokens for calls to services: of the signed-in user, on behalf of the guest session, or of `ui` itself.

use std::sync::Arc;

use contracts::auth::{
    ClientAuthentication, IssueSessionToken, RefreshSession, TokenExchangeReply, access_token_id,
    refresh_hash,
};
use contracts::ui::ForgetBookings;
use group::{Call, Failure};

use crate::context::PageContext;
use crate::error::PageError;
use crate::session::{Session, SignedIn};

/// Access tokens are renewed this long before they expire, in seconds.
const RENEW_BEFORE_SECS: i64 = 60;

/// Refresh tokens are rotated after this time, in seconds.
const ROTATE_AFTER_SECS: i64 = 24 * 3600;

impl PageContext {
    /// A call as `svc:ui`.
    pub async fn as_ui(&self) -> Result<Call, PageError> {
        Ok(self.with_token(self.site.dependencies.credentials.service_token("ui", None).await?))
    }

    /// A call as `svc:ui` on behalf of a guest session, or of the bearer of a booking's secret link.
    pub async fn on_behalf_of(&self, actor: &str) -> Result<Call, PageError> {
        Ok(self.with_token(self.site.dependencies.credentials.service_token("ui", Some(actor)).await?))
    }

    /// A call as the visitor: the signed-in user, otherwise the guest session.
    pub async fn as_visitor(&mut self) -> Result<Call, PageError> {
        match self.as_user().await? {
            Some(call) => Ok(call),
            None => self.on_behalf_of(&self.session.guest).await,
        }
    }

    /// A call as the signed-in user, if there is one. A session that has ended in `auth` is removed from the cookie.
    pub async fn as_user(&mut self) -> Result<Option<Call>, PageError> {
        let Some(user) = self.session.user.clone() else { return Ok(None) };
        if user.made.plus_secs(ROTATE_AFTER_SECS) <= self.now && !self.rotate_refresh_token(&user).await? {
            self.end_visit().await;
            return Ok(None);
        }
        if let Some((token, expires)) = self.site.tokens.get(&user.session)
            && expires > self.now.plus_secs(RENEW_BEFORE_SECS)
        {
            return Ok(Some(self.with_token(token)));
        }
        // The random part of a token's id comes from the same source as secrets.
        let random = u128::from_be_bytes(token::random_bytes()[..16].try_into().expect("16 of 32 bytes"));
        let request = IssueSessionToken {
            session: user.session.clone(),
            scopes: None,
            token_id: access_token_id(random),
        };
        let call = self.as_ui().await?;
        match self.site.dependencies.client.call(&call, request).await {
            Ok(issued) => {
                let token: Arc<str> = issued.token.0.into();
                self.site.tokens.insert(user.session, (Arc::clone(&token), issued.expires_at));
                Ok(Some(self.with_token(token)))
            }
            Err(Failure::Refused(_)) => {
                self.end_visit().await;
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Exchanges the refresh token for the next one. `auth` accepts a concurrent exchange by another tab.
    async fn rotate_refresh_token(&mut self, user: &SignedIn) -> Result<bool, PageError> {
        let next = token::random_secret("rt_");
        let request = RefreshSession {
            client: ClientAuthentication::ui(),
            old_hash: refresh_hash(&user.refresh),
            new_hash: refresh_hash(&next),
            scopes: None,
        };
        let call = self.as_ui().await?;
        match self.site.dependencies.client.call(&call, request).await {
            Ok(TokenExchangeReply::Granted(grant)) => {
                let made = self.now;
                self.session.user =
                    Some(SignedIn { session: grant.session, refresh: next, made, ..user.clone() });
                self.save_session();
                Ok(true)
            }
            Ok(TokenExchangeReply::Reused) | Err(Failure::Refused(_)) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Signs the browser out: the cookie contains neither the user nor the guest session any more, so that whoever uses the
    /// browser next sees none of the bookings. Without effect if nobody is signed in.
    pub async fn end_visit(&mut self) {
        let Some(user) = self.session.user.take() else { return };
        self.site.tokens.remove(&user.session);
        let guest = std::mem::replace(&mut self.session.guest, Session::new().guest);
        self.save_session();
        // Nobody knows the name of the old guest session any more. This only tidies up, so it may fail.
        if let Ok(call) = self.as_ui().await
            && let Err(failure) = self.site.dependencies.client.call(&call, ForgetBookings { guest }).await
        {
            tracing::warn!(%failure, "the opened bookings of a browser that signed out were not removed");
        }
    }
}
