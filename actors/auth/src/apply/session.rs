//! Starts and ends sessions.

use contracts::UserId;
use contracts::auth::{Refusal, SessionGrant, StartSession, UI_CLIENT};
use group::Turn;
use protocol::Slot;

use super::{check_epoch, revoke};
use crate::limits::{REFRESH_IDLE_SECS, REVOCATION_SECS, SESSION_SECS_MAX, SESSIONS_PER_USER_MAX};
use crate::scopes;
use crate::service::{Auth, Timer};
use crate::state::{REFRESH_TOKENS, RefreshToken, SESSIONS, Session, USER_SESSIONS, revoked, session_name};

/// The properties of a new session.
pub(crate) struct NewSession {
    pub user: UserId,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub hotels: Vec<String>,
    pub epoch: u32,
}

/// Starts a session of the Booking UI.
pub(crate) fn start_ui_session(
    turn: &mut Turn<'_, Auth>,
    request: StartSession,
) -> Result<SessionGrant, Refusal> {
    let StartSession { grants, scopes, refresh_hash } = request;
    let scopes = scopes::granted(scopes.as_deref().unwrap_or_default(), &[&grants.scopes]);
    if scopes.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    check_epoch(turn, &grants)?;
    let new = NewSession {
        user: grants.user,
        client_id: UI_CLIENT.to_owned(),
        scopes,
        hotels: grants.hotels,
        epoch: grants.epoch,
    };
    start(turn, new, refresh_hash).map(|(_, grant)| grant)
}

/// Starts a session with its first refresh token. Callers must not refuse afterwards.
pub(crate) fn start(
    turn: &mut Turn<'_, Auth>,
    new: NewSession,
    refresh_hash: [u8; 32],
) -> Result<(u128, SessionGrant), Refusal> {
    if turn.has(&REFRESH_TOKENS, &refresh_hash) {
        return Err(Refusal::InvalidGrant("the refresh token was issued before".into()));
    }
    let NewSession { user, client_id, scopes, hotels, epoch } = new;
    let older = turn.scan(&USER_SESSIONS, &user, SESSIONS_PER_USER_MAX);
    if older.len() == SESSIONS_PER_USER_MAX {
        end(turn, older[0].0.1);
    }
    let now = turn.now();
    let id = turn.fresh_id(Slot::default());
    let session = Session {
        user,
        client_id,
        scopes,
        hotels,
        epoch,
        started_at: now,
        refresh_expires_at: now.plus_secs(REFRESH_IDLE_SECS),
        ends_at: now.plus_secs(SESSION_SECS_MAX),
        unused: vec![refresh_hash],
        used: Vec::new(),
    };
    let grant = session.grant(id);
    turn.put(&SESSIONS, &id, &session);
    turn.put(&USER_SESSIONS, &(user, id), &());
    turn.put(&REFRESH_TOKENS, &refresh_hash, &RefreshToken::new(id, now));
    turn.schedule(session.refresh_expires_at, Timer::ExpireSession(id));
    Ok((id, grant))
}

/// Ends a session, if it has not ended: removes its refresh tokens and revokes its access tokens.
pub(crate) fn end(turn: &mut Turn<'_, Auth>, id: u128) {
    let Some(session) = turn.get(&SESSIONS, &id) else { return };
    for hash in session.unused.iter().chain(&session.used) {
        turn.remove(&REFRESH_TOKENS, hash);
    }
    turn.remove(&SESSIONS, &id);
    turn.remove(&USER_SESSIONS, &(session.user, id));
    let until = turn.now().plus_secs(REVOCATION_SECS);
    revoke(turn, revoked::SESSION, session_name(id), 0, until);
}
