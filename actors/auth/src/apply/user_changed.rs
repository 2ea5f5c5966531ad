//! A user's password, roles or account changed: what was signed before is void.

use contracts::UserId;
use contracts::auth::{Refusal, Reply};
use group::Turn;

use crate::apply::{revoke, session};
use crate::limits::{REVOCATION_SECS, SESSIONS_PER_USER_MAX};
use crate::service::Auth;
use crate::state::{EPOCHS, SESSIONS, USER_SESSIONS, revoked};

pub(crate) fn user_changed(turn: &mut Turn<'_, Auth>, user: UserId, epoch: u32) -> Result<Reply, Refusal> {
    // Late news is no news.
    if turn.get(&EPOCHS, &user).is_some_and(|known| known >= epoch) {
        return Ok(Reply::Done);
    }
    turn.put(&EPOCHS, &user, &epoch);
    for ((_, id), ()) in turn.scan(&USER_SESSIONS, &user, SESSIONS_PER_USER_MAX) {
        if turn.get(&SESSIONS, &id).is_some_and(|session| session.epoch < epoch) {
            session::end(turn, id);
        }
    }
    let until = turn.now().plus_secs(REVOCATION_SECS);
    revoke(turn, revoked::USER, user.to_string(), epoch, until);
    Ok(Reply::Done)
}
