//! Timers for expired entries.

use group::Turn;

use super::{device, session};
use crate::service::{Auth, Timer};
use crate::state::{CODES, DEVICES, REVOKED, SESSIONS};

/// Removes a code. It has expired, and so has the first access token issued for it.
pub(crate) fn forget_code(turn: &mut Turn<'_, Auth>, hash: &[u8; 32]) {
    turn.remove(&CODES, hash);
}

/// Ends a session that has expired, unless it was refreshed since the timer was set.
pub(crate) fn expire_session(turn: &mut Turn<'_, Auth>, id: u128) {
    let Some(found) = turn.get(&SESSIONS, &id) else { return };
    if found.refresh_expires_at <= turn.now() {
        session::end(turn, id);
    } else {
        turn.schedule(found.refresh_expires_at, Timer::ExpireSession(id));
    }
}

/// Removes a revocation, unless it was renewed since the timer was set. All affected tokens have expired.
pub(crate) fn forget_revoked(turn: &mut Turn<'_, Auth>, kind: u8, id: String) {
    let key = (kind, id);
    if turn.get(&REVOKED, &key).is_some_and(|revoked| revoked.until <= turn.now()) {
        turn.remove(&REVOKED, &key);
    }
}

/// Removes an expired device authorization.
pub(crate) fn forget_device(turn: &mut Turn<'_, Auth>, hash: &[u8; 32]) {
    if turn.get(&DEVICES, hash).is_some_and(|device| device.expires_at <= turn.now()) {
        device::remove(turn, hash);
    }
}
