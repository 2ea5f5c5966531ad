//! Taking back: sessions, single tokens, clients.

use contracts::auth::{ClientAuthentication, Refusal, Reply, UI_CLIENT};
use group::Turn;
use protocol::Timestamp;

use crate::apply::{client_of, revoke, session};
use crate::limits::REVOCATION_SECS;
use crate::service::Auth;
use crate::state::{CLIENTS, REFRESH_TOKENS, SESSIONS, revoked};

/// Signs out at one of our own pages. Tells nobody whether there was anything to end.
pub(crate) fn own_session(turn: &mut Turn<'_, Auth>, refresh_hash: [u8; 32]) -> Result<Reply, Refusal> {
    end_by_token(turn, UI_CLIENT, refresh_hash);
    Ok(Reply::Done)
}

/// A client takes a refresh token back. An unknown token is no error (RFC 7009 §2.2), another client's is (§2.1).
pub(crate) fn refresh(
    turn: &mut Turn<'_, Auth>,
    authentication: &ClientAuthentication,
    refresh_hash: [u8; 32],
) -> Result<Reply, Refusal> {
    client_of(turn, authentication)?;
    match end_by_token(turn, &authentication.client_id, refresh_hash) {
        true => Ok(Reply::Done),
        false => Err(foreign()),
    }
}

/// A client takes an access token back, which the API has verified.
pub(crate) fn access(
    turn: &mut Turn<'_, Auth>,
    authentication: &ClientAuthentication,
    issued_to: &str,
    token_id: String,
    expires_at: Timestamp,
) -> Result<Reply, Refusal> {
    client_of(turn, authentication)?;
    if issued_to != authentication.client_id {
        return Err(foreign());
    }
    if expires_at > turn.now() {
        let until = expires_at.min(turn.now().plus_secs(REVOCATION_SECS));
        revoke(turn, revoked::TOKEN, token_id, 0, until);
    }
    Ok(Reply::Done)
}

/// A client is void for good. Its sessions end as they are used or expire: nobody can refresh them.
pub(crate) fn client(turn: &mut Turn<'_, Auth>, client_id: &str) -> Result<Reply, Refusal> {
    let id = client_id.to_owned();
    let mut client = turn.get(&CLIENTS, &id).ok_or(Refusal::NoSuchClient)?;
    if client.revoked_at.is_none() {
        client.revoked_at = Some(turn.now());
        turn.put(&CLIENTS, &id, &client);
        let until = turn.now().plus_secs(REVOCATION_SECS);
        revoke(turn, revoked::CLIENT, id, 0, until);
    }
    Ok(Reply::Client(client.profile(client_id)))
}

/// False when the token is another client's.
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

fn foreign() -> Refusal {
    Refusal::InvalidGrant("the token was issued to another client".into())
}
