//! In whose name services are called: the account's, the guest session's, or our own.

use std::sync::Arc;

use contracts::auth::{self, Auth, ClientProof, access_token_id, refresh_hash};
use group::{Call, Failure};

use crate::session::SignedIn;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// Access tokens are renewed this long before they expire, in seconds.
const BEFORE_SECS: i64 = 60;

/// Refresh tokens are replaced once a day.
const REPLACED_SECS: i64 = 24 * 3600;

impl Visit {
    /// A call of `svc:ui` in its own name.
    pub async fn as_ui(&self) -> Result<Call, Trouble> {
        Ok(self.bearing(self.site.deps.credentials.service_token("ui", None).await?))
    }

    /// A call of `svc:ui` for somebody: a guest's session, or the maker of a booking whose secret link was shown.
    pub async fn on_behalf_of(&self, actor: &str) -> Result<Call, Trouble> {
        Ok(self.bearing(self.site.deps.credentials.service_token("ui", Some(actor)).await?))
    }

    /// A call in the name of whoever sits in front of the page: the account, else the guest's session.
    pub async fn as_visitor(&mut self) -> Result<Call, Trouble> {
        match self.as_user().await? {
            Some(call) => Ok(call),
            None => self.on_behalf_of(&self.session.guest).await,
        }
    }

    /// A call with the access token of who is signed in. A session that `auth` has ended is forgotten here too.
    pub async fn as_user(&mut self) -> Result<Option<Call>, Trouble> {
        let Some(user) = self.session.user.clone() else { return Ok(None) };
        if user.made.plus_secs(REPLACED_SECS) <= self.now && !self.replace_refresh_token(&user).await? {
            self.forget_user();
            return Ok(None);
        }
        if let Some((token, expires)) = self.site.tokens.get(&user.session)
            && expires > self.now.plus_secs(BEFORE_SECS)
        {
            return Ok(Some(self.bearing(token)));
        }
        // The random part of a token's id comes from the same source as secrets.
        let random = u128::from_be_bytes(token::random_bytes()[..16].try_into().expect("16 of 32 bytes"));
        let query = auth::Query::SessionToken {
            session: user.session.clone(),
            scopes: None,
            token_id: access_token_id(random),
        };
        let call = self.as_ui().await?;
        match self.site.deps.client.query::<Auth>(&call, query).await {
            Ok(auth::Answer::Token(issued)) => {
                let token: Arc<str> = issued.token.0.into();
                self.site.tokens.insert(user.session, (Arc::clone(&token), issued.expires_at));
                Ok(Some(self.bearing(token)))
            }
            Ok(other) => Err(Trouble::Broken(format!("auth answered a session's token with {other:?}"))),
            Err(Failure::Refused(_)) => {
                self.forget_user();
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Spends the refresh token for the next one. A second tab that does the same within seconds is fine with `auth`.
    async fn replace_refresh_token(&mut self, user: &SignedIn) -> Result<bool, Trouble> {
        let next = token::random_secret("rt_");
        let command = auth::Command::Refresh {
            client: ClientProof::ui(),
            old_hash: refresh_hash(&user.refresh),
            new_hash: refresh_hash(&next),
            scopes: None,
        };
        let call = self.as_ui().await?;
        match self.site.deps.client.command::<Auth>(&call, command).await {
            Ok(auth::Reply::Granted(grant)) => {
                let made = self.now;
                self.session.user =
                    Some(SignedIn { session: grant.session, refresh: next, made, ..user.clone() });
                self.keep();
                Ok(true)
            }
            Ok(_) | Err(Failure::Refused(_)) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The account is left; what belongs to the browser stays.
    pub fn forget_user(&mut self) {
        if let Some(user) = self.session.user.take() {
            self.site.tokens.remove(&user.session);
        }
        self.keep();
    }
}
