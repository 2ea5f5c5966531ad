//! A refresh token is spent for the next one; spending it again later ends the session (RFC 9700 §4.14.2).
//!
//! Whoever stole a token must use it before or after its owner does: either way one of the two comes second, and from
//! then on neither has anything. The grace of a few seconds is for honest seconds: another tab, an answer that was lost.
//! All successors but the one that is used next are spent with it, so that a thief within the grace is found out too.

use contracts::auth::{ClientAuthentication, GrantType, Refusal, Reply};
use group::Turn;

use crate::apply::{client_of, is_ui, may_use, session};
use crate::limits::{REFRESH_IDLE_SECS, REUSE_GRACE_SECS, SUCCESSORS_MAX, USED_TOKENS_MAX};
use crate::scopes;
use crate::service::Auth;
use crate::state::{REFRESH_TOKENS, RefreshToken, SESSIONS, SESSIONS_REVOKED_UNTIL};

pub(crate) fn refresh(
    turn: &mut Turn<'_, Auth>,
    authentication: &ClientAuthentication,
    old_hash: [u8; 32],
    new_hash: [u8; 32],
    asked: Option<&[String]>,
) -> Result<Reply, Refusal> {
    if !is_ui(turn, &authentication.client_id)? {
        may_use(&client_of(turn, authentication)?, GrantType::RefreshToken)?;
    }
    let now = turn.now();
    let invalid = |why: &str| Refusal::InvalidGrant(why.to_owned());
    let mut old = turn.get(&REFRESH_TOKENS, &old_hash).ok_or_else(|| invalid("unknown refresh token"))?;
    let id = old.session;
    let mut session = turn.get(&SESSIONS, &id).ok_or_else(|| invalid("the session has ended"))?;
    if session.client_id != authentication.client_id {
        return Err(invalid("the refresh token is another client's"));
    }
    if turn.get(&SESSIONS_REVOKED_UNTIL, &0).is_some_and(|until| session.started_at <= until) {
        return Err(invalid("the session has ended"));
    }
    if session.refresh_expires_at <= now {
        return Err(invalid("the refresh token has expired"));
    }
    if old.first_used_at.is_some_and(|at| at.plus_secs(REUSE_GRACE_SECS) < now) {
        session::end(turn, id);
        return Ok(Reply::Reused);
    }
    if old.successors >= SUCCESSORS_MAX {
        return Err(invalid("the refresh token was spent"));
    }
    let scopes = match asked {
        None => session.scopes.clone(),
        Some(asked) if asked.iter().all(|scope| session.scopes.contains(scope)) => {
            scopes::granted(asked, &[&session.scopes])
        }
        Some(_) => return Err(Refusal::InvalidScope),
    };
    if turn.has(&REFRESH_TOKENS, &new_hash) {
        return Err(invalid("a refresh token is drawn once"));
    }

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
    let new = RefreshToken::new(id, now);
    turn.put(&REFRESH_TOKENS, &new_hash, &new);
    session.unused.push(new_hash);
    let surplus = session.used.len().saturating_sub(USED_TOKENS_MAX);
    for hash in session.used.drain(..surplus) {
        turn.remove(&REFRESH_TOKENS, &hash);
    }
    // The timer of the session finds the new end when it fires.
    session.refresh_expires_at = now.plus_secs(REFRESH_IDLE_SECS).min(session.ends_at);
    turn.put(&SESSIONS, &id, &session);
    let mut grant = session.grant(id);
    grant.scopes = scopes;
    Ok(Reply::Granted(grant))
}
