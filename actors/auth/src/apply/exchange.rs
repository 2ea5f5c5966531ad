//! A client brings its code back, for a session (RFC 6749 §4.1.3, RFC 7636 §4.6).

use contracts::auth::{ClientAuthentication, GrantType, Refusal, Reply};
use group::Turn;

use crate::apply::session::{self, NewSession};
use crate::apply::{client_of, may_use};
use crate::service::Auth;
use crate::state::{CODES, EPOCHS};

/// What the client shows.
pub(crate) struct Shown {
    pub code_hash: [u8; 32],
    pub redirect_uri: String,
    pub challenge: String,
}

pub(crate) fn exchange(
    turn: &mut Turn<'_, Auth>,
    authentication: &ClientAuthentication,
    shown: &Shown,
    refresh_hash: [u8; 32],
) -> Result<Reply, Refusal> {
    let client = client_of(turn, authentication)?;
    may_use(&client, GrantType::AuthorizationCode)?;
    let invalid = |why: &str| Refusal::InvalidGrant(why.to_owned());
    let mut code = turn.get(&CODES, &shown.code_hash).ok_or_else(|| invalid("unknown code"))?;
    if code.client_id != authentication.client_id {
        return Err(invalid("the code is another client's"));
    }
    if code.redirect_uri != shown.redirect_uri {
        return Err(invalid("not the redirect URI that the code was sent to"));
    }
    if code.challenge != shown.challenge {
        return Err(invalid("the code verifier does not match"));
    }
    if let Some(session) = code.used {
        // Two had this code, and only one of them should have (RFC 6749 §4.1.2). A refusal would drop the ending.
        session::end(turn, session);
        return Ok(Reply::Reused);
    }
    if code.expires_at <= turn.now() {
        return Err(invalid("the code has expired"));
    }
    if turn.get(&EPOCHS, &code.grants.user).is_some_and(|epoch| code.grants.epoch < epoch) {
        return Err(invalid("the account has changed since: sign in again"));
    }
    let new = NewSession {
        user: code.grants.user,
        client_id: authentication.client_id.clone(),
        scopes: code.scopes.clone(),
        hotels: code.grants.hotels.clone(),
        epoch: code.grants.epoch,
    };
    let (id, grant) = session::start(turn, new, refresh_hash)?;
    code.used = Some(id);
    turn.put(&CODES, &shown.code_hash, &code);
    Ok(Reply::Granted(grant))
}
