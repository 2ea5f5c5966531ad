//! Somebody has signed in and agreed: a code for their client.

use contracts::auth::{GrantType, NewAuthorizationCode, Refusal, Reply};
use group::Turn;

use crate::apply::may_use;
use crate::limits::{CODE_RETENTION_SECS, CODE_SECS};
use crate::service::{Auth, Timer};
use crate::state::{AuthorizationCode, CLIENTS, CODES, EPOCHS};
use crate::{scopes, uri};

pub(crate) fn authorize(turn: &mut Turn<'_, Auth>, new: NewAuthorizationCode) -> Result<Reply, Refusal> {
    let client = turn.get(&CLIENTS, &new.client_id).filter(|client| client.revoked_at.is_none());
    let client = client.ok_or(Refusal::InvalidClient)?;
    may_use(&client, GrantType::AuthorizationCode)?;
    // A request may leave it out where there is only one (RFC 6749 §3.1.2.3); the exchange must do the same.
    let implied = new.redirect_uri.is_empty() && client.redirect_uris.len() == 1;
    if !implied && !uri::is_registered(&new.redirect_uri, &client.redirect_uris) {
        return Err(Refusal::InvalidRedirect);
    }
    let granted = scopes::granted(&new.scopes, &[&client.scopes, &new.grants.scopes]);
    if granted.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    if turn.get(&EPOCHS, &new.grants.user).is_some_and(|epoch| new.grants.epoch < epoch) {
        return Err(Refusal::InvalidGrant("the account has changed since: sign in again".into()));
    }
    if turn.has(&CODES, &new.code_hash) {
        return Err(Refusal::InvalidGrant("a code is drawn once".into()));
    }
    let code = AuthorizationCode {
        client_id: new.client_id,
        redirect_uri: new.redirect_uri,
        challenge: new.challenge,
        scopes: granted,
        grants: new.grants,
        expires_at: turn.now().plus_secs(CODE_SECS),
        used: None,
    };
    turn.put(&CODES, &new.code_hash, &code);
    turn.schedule(turn.now().plus_secs(CODE_RETENTION_SECS), Timer::ForgetCode(new.code_hash));
    Ok(Reply::Done)
}
