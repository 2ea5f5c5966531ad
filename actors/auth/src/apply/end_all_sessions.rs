//! A store was restored: everybody signs in again.

use contracts::auth::{Refusal, Reply};
use group::Turn;

use crate::service::Auth;
use crate::state::SESSIONS_REVOKED_UNTIL;

/// One row, however many sessions there are: each is found out when it is to be refreshed.
pub(crate) fn end_all_sessions(turn: &mut Turn<'_, Auth>) -> Result<Reply, Refusal> {
    let now = turn.now();
    turn.put(&SESSIONS_REVOKED_UNTIL, &0, &now);
    Ok(Reply::Done)
}
