//! What ends by itself.

use group::Turn;

use crate::apply::{device, session};
use crate::service::{Auth, Timer};
use crate::state::{CODES, DEVICES, REVOKED, SESSIONS};

/// A code is forgotten: it has expired, and so has the first token that came of it.
pub(crate) fn forget_code(turn: &mut Turn<'_, Auth>, hash: &[u8; 32]) {
    turn.remove(&CODES, hash);
}

/// A session has expired, unless it was used since the timer was set.
pub(crate) fn expire_session(turn: &mut Turn<'_, Auth>, id: u128) {
    let Some(found) = turn.get(&SESSIONS, &id) else { return };
    if found.refresh_expires_at <= turn.now() {
        session::end(turn, id);
    } else {
        turn.schedule(found.refresh_expires_at, Timer::ExpireSession(id));
    }
}

/// No token that a revocation concerns is alive, unless it was renewed since the timer was set.
pub(crate) fn forget_revoked(turn: &mut Turn<'_, Auth>, kind: u8, id: String) {
    let key = (kind, id);
    if turn.get(&REVOKED, &key).is_some_and(|revoked| revoked.until <= turn.now()) {
        turn.remove(&REVOKED, &key);
    }
}

/// A device has waited for too long.
pub(crate) fn forget_device(turn: &mut Turn<'_, Auth>, hash: &[u8; 32]) {
    if turn.get(&DEVICES, hash).is_some_and(|device| device.expires_at <= turn.now()) {
        device::forget(turn, hash);
    }
}
