//! Revocation of sessions, access tokens, clients and users' earlier epochs.

use contracts::auth::{
    ClientProfile, EndSession, Refusal, RevokeAccessToken, RevokeClient, RevokeRefreshToken, UI_CLIENT,
    UserChanged,
};
use group::Turn;

use super::{authenticated_client, revoke, session};
use crate::limits::{CLIENTS_SCANNED_MAX, REVOCATION_SECS, SESSIONS_PER_USER_MAX};
use crate::service::Auth;
use crate::state::{
    CLIENTS, EPOCHS, REFRESH_TOKENS, SESSIONS, SESSIONS_REVOKED_UNTIL, USER_SESSIONS, revoked,
};

/// Ends a session of the Booking UI. The reply does not reveal whether there was one.
pub(crate) fn ui_session(turn: &mut Turn<'_, Auth>, request: &EndSession) -> Result<(), Refusal> {
    end_by_token(turn, UI_CLIENT, request.refresh_hash);
    Ok(())
}

/// Revokes a refresh token. An unknown token is not an error (RFC 7009 §2.2); a token of another client is (§2.1).
pub(crate) fn refresh_token(turn: &mut Turn<'_, Auth>, request: &RevokeRefreshToken) -> Result<(), Refusal> {
    authenticated_client(turn, &request.client)?;
    match end_by_token(turn, &request.client.client_id, request.refresh_hash) {
        true => Ok(()),
        false => Err(other_client()),
    }
}

/// Revokes an access token, which the API has verified.
pub(crate) fn access_token(turn: &mut Turn<'_, Auth>, request: RevokeAccessToken) -> Result<(), Refusal> {
    let RevokeAccessToken { client, issued_to, token_id, expires_at } = request;
    authenticated_client(turn, &client)?;
    if issued_to != client.client_id {
        return Err(other_client());
    }
    if expires_at > turn.now() {
        let until = expires_at.min(turn.now().plus_secs(REVOCATION_SECS));
        revoke(turn, revoked::TOKEN, token_id, 0, until);
    }
    Ok(())
}

/// Revokes a client, but not the caller's own and not the last one that can operate the cluster. Its sessions cannot be refreshed, and they are removed when they expire.
pub(crate) fn client(turn: &mut Turn<'_, Auth>, request: RevokeClient) -> Result<ClientProfile, Refusal> {
    let id = request.client_id;
    let mut client = turn.get(&CLIENTS, &id).ok_or(Refusal::NoSuchClient)?;
    if client.revoked_at.is_none() {
        if turn.caller().client_id == id {
            return Err(Refusal::OwnClient);
        }
        if client.operates_cluster() {
            let others = turn.first(&CLIENTS, CLIENTS_SCANNED_MAX);
            if !others.iter().any(|(other, client)| *other != id && client.operates_cluster()) {
                return Err(Refusal::LastOperator);
            }
        }
        client.revoked_at = Some(turn.now());
        turn.put(&CLIENTS, &id, &client);
        let until = turn.now().plus_secs(REVOCATION_SECS);
        revoke(turn, revoked::CLIENT, id.clone(), 0, until);
    }
    Ok(client.profile(&id, turn.now()))
}

/// Ends a user's sessions of earlier epochs and revokes their access tokens. Repeated and late messages have no effect.
pub(crate) fn user(turn: &mut Turn<'_, Auth>, request: &UserChanged) -> Result<(), Refusal> {
    let UserChanged { user, epoch } = *request;
    if turn.get(&EPOCHS, &user).is_some_and(|known| known >= epoch) {
        return Ok(());
    }
    turn.put(&EPOCHS, &user, &epoch);
    for ((_, id), ()) in turn.scan(&USER_SESSIONS, &user, SESSIONS_PER_USER_MAX) {
        if turn.get(&SESSIONS, &id).is_some_and(|session| session.epoch < epoch) {
            session::end(turn, id);
        }
    }
    let until = turn.now().plus_secs(REVOCATION_SECS);
    revoke(turn, revoked::USER, user.to_string(), epoch, until);
    Ok(())
}

/// Invalidates all sessions that started until now. This writes one row; the row is checked when a session is refreshed.
pub(crate) fn all_sessions(turn: &mut Turn<'_, Auth>) -> Result<(), Refusal> {
    let now = turn.now();
    turn.put(&SESSIONS_REVOKED_UNTIL, &0, &now);
    Ok(())
}

/// Ends the session of a refresh token. Returns `false` if the token was issued to another client.
fn end_by_token(turn: &mut Turn<'_, Auth>, client_id: &str, refresh_hash: [u8; 32]) -> bool {
    let token = turn.get(&REFRESH_TOKENS, &refresh_hash);
    let session = token.and_then(|token| Some((token.session, turn.get(&SESSIONS, &token.session)?)));
    match session {
        None => true,
        Some((id, session)) if session.client_id == client_id => {
            session::end(turn, id);
            true
        }
        Some(_) => false,
    }
}

fn other_client() -> Refusal {
    Refusal::InvalidGrant("the token was issued to another client".into())
}
