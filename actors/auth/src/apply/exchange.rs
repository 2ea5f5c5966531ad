//! Exchanges an authorization code for a session (RFC 6749 §4.1.3, RFC 7636 §4.6).

use contracts::auth::{ExchangeCode, GrantType, Refusal, TokenExchangeReply};
use group::Turn;

use super::session::{self, NewSession};
use super::{authenticated_client, check_epoch};
use crate::service::Auth;
use crate::state::CODES;

pub(crate) fn exchange_code(
    turn: &mut Turn<'_, Auth>,
    request: ExchangeCode,
) -> Result<TokenExchangeReply, Refusal> {
    let ExchangeCode { client: authentication, code_hash, redirect_uri, challenge, refresh_hash } = request;
    let client = authenticated_client(turn, &authentication)?;
    client.check_grant_type(GrantType::AuthorizationCode)?;
    let invalid = |why: &str| Refusal::InvalidGrant(why.to_owned());
    let mut code = turn.get(&CODES, &code_hash).ok_or_else(|| invalid("unknown code"))?;
    if code.client_id != authentication.client_id {
        return Err(invalid("the code was issued to another client"));
    }
    if code.redirect_uri != redirect_uri {
        return Err(invalid("the redirect URI differs from the authorization request"));
    }
    if code.challenge != challenge {
        return Err(invalid("the code verifier does not match"));
    }
    if let Some(session) = code.used {
        // Two parties have the code, so the session ends (RFC 6749 §4.1.2). A refusal would discard this change.
        session::end(turn, session);
        return Ok(TokenExchangeReply::Reused);
    }
    if code.expires_at <= turn.now() {
        return Err(invalid("the code has expired"));
    }
    check_epoch(turn, &code.grants)?;
    let new = NewSession {
        user: code.grants.user,
        client_id: authentication.client_id,
        scopes: code.scopes.clone(),
        hotels: code.grants.hotels.clone(),
        epoch: code.grants.epoch,
    };
    let (id, grant) = session::start(turn, new, refresh_hash)?;
    code.used = Some(id);
    turn.put(&CODES, &code_hash, &code);
    Ok(TokenExchangeReply::Granted(grant))
}
