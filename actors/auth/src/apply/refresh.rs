//! Exchanges a refresh token for the next one. Later reuse ends the session (RFC 9700 §4.14.2).
//!
//! If a token is stolen, the thief and the owner both use it. The second use ends the session, so neither can continue. A
//! grace period of a few seconds tolerates a second tab or a lost response. Of the successors that were issued in this
//! period, only the first one that is used stays valid, so that a theft in the grace period is detected, too.

use contracts::auth::{GrantType, RefreshSession, Refusal, TokenExchangeReply};
use group::Turn;

use super::{authenticated_client, is_ui, session};
use crate::limits::{REFRESH_IDLE_SECS, REUSE_GRACE_SECS, SUCCESSORS_MAX, USED_TOKENS_MAX};
use crate::scopes;
use crate::service::Auth;
use crate::state::{REFRESH_TOKENS, RefreshToken, SESSIONS, SESSIONS_REVOKED_UNTIL};

pub(crate) fn refresh(
    turn: &mut Turn<'_, Auth>,
    request: RefreshSession,
) -> Result<TokenExchangeReply, Refusal> {
    let RefreshSession { client: authentication, old_hash, new_hash, scopes: requested } = request;
    if !is_ui(turn, &authentication.client_id)? {
        authenticated_client(turn, &authentication)?.check_grant_type(GrantType::RefreshToken)?;
    }
    let now = turn.now();
    let invalid = |why: &str| Refusal::InvalidGrant(why.to_owned());
    let mut old = turn.get(&REFRESH_TOKENS, &old_hash).ok_or_else(|| invalid("unknown refresh token"))?;
    let id = old.session;
    let mut session = turn.get(&SESSIONS, &id).ok_or_else(|| invalid("the session has ended"))?;
    if session.client_id != authentication.client_id {
        return Err(invalid("the refresh token was issued to another client"));
    }
    if turn.get(&SESSIONS_REVOKED_UNTIL, &0).is_some_and(|until| session.started_at <= until) {
        return Err(invalid("the session has ended"));
    }
    if session.refresh_expires_at <= now {
        return Err(invalid("the refresh token has expired"));
    }
    if old.first_used_at.is_some_and(|at| at.plus_secs(REUSE_GRACE_SECS) < now) {
        session::end(turn, id);
        return Ok(TokenExchangeReply::Reused);
    }
    if old.successors >= SUCCESSORS_MAX {
        return Err(invalid("the refresh token was used too often"));
    }
    let scopes = match requested {
        None => session.scopes.clone(),
        Some(requested) if requested.iter().all(|scope| session.scopes.contains(scope)) => {
            scopes::granted(&requested, &[&session.scopes])
        }
        Some(_) => return Err(Refusal::InvalidScope),
    };
    if turn.has(&REFRESH_TOKENS, &new_hash) {
        return Err(invalid("the new refresh token was issued before"));
    }
    // No writes above this line except for the end of a session, no refusals below it.

    if old.first_used_at.is_none() {
        for hash in std::mem::take(&mut session.unused) {
            if hash != old_hash
                && let Some(mut sibling) = turn.get(&REFRESH_TOKENS, &hash)
            {
                sibling.first_used_at = Some(now);
                turn.put(&REFRESH_TOKENS, &hash, &sibling);
            }
            session.used.push(hash);
        }
        old.first_used_at = Some(now);
    }
    old.last_used_at = Some(now);
    old.successors += 1;
    turn.put(&REFRESH_TOKENS, &old_hash, &old);
    turn.put(&REFRESH_TOKENS, &new_hash, &RefreshToken::new(id, now));
    session.unused.push(new_hash);
    let surplus = session.used.len().saturating_sub(USED_TOKENS_MAX);
    for hash in session.used.drain(..surplus) {
        turn.remove(&REFRESH_TOKENS, &hash);
    }
    // When the session's timer fires, it reads the new expiry.
    session.refresh_expires_at = now.plus_secs(REFRESH_IDLE_SECS).min(session.ends_at);
    turn.put(&SESSIONS, &id, &session);
    let mut grant = session.grant(id);
    grant.scopes = scopes;
    Ok(TokenExchangeReply::Granted(grant))
}
