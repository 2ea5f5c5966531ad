//! Limits the cards that a guest or an address tries, against card testing.

use contracts::payments::{CountCardAttempt, Refusal};
use protocol::codec;

use super::T;
use crate::state::{ATTEMPTS, AttemptsRow};
use crate::{Timer, limits};

pub(super) fn count_card_attempt(turn: &mut T<'_>, request: &CountCardAttempt) -> Result<(), Refusal> {
    let CountCardAttempt { address, visitor_max, address_max } = *request;
    let (owner, now) = (turn.caller().effective_subject(), turn.now());
    // The cards of an OAuth client's guests come from the client's servers.
    if !owner.starts_with("usr_") && !owner.starts_with("gst_") {
        return Ok(());
    }
    let owner = (codec::hash128(&[b"owner", owner.as_bytes()]), visitor_max);
    let address = address.map(|address| (codec::hash128(&[b"address", &address.to_be_bytes()]), address_max));
    let limits: Vec<_> = [owner].into_iter().chain(address).collect();
    let rows: Vec<_> = limits
        .iter()
        .map(|(key, _)| {
            let row = turn.get(&ATTEMPTS, key).filter(|row| now < row.until);
            row.unwrap_or(AttemptsRow { count: 0, until: now.plus_secs(limits::ATTEMPTS_SECS) })
        })
        .collect();
    let full = limits.iter().zip(&rows).filter(|((_, max), row)| row.count >= *max);
    if let Some(until) = full.map(|(_, row)| row.until).max() {
        let secs = (until.millis() - now.millis()).max(0).unsigned_abs().div_ceil(1000);
        return Err(Refusal::TooManyCards { retry_after_secs: u32::try_from(secs).unwrap_or(u32::MAX) });
    }
    // No writes above this line, no refusals below it.
    for ((key, _), row) in limits.into_iter().zip(rows) {
        if row.count == 0 {
            turn.schedule(row.until, Timer::ForgetAttempts(key));
        }
        turn.put(&ATTEMPTS, &key, &AttemptsRow { count: row.count + 1, ..row });
    }
    Ok(())
}

/// A timer: the attempts are too old to count.
pub(super) fn forget(turn: &mut T<'_>, key: u128) {
    let now = turn.now();
    if turn.get(&ATTEMPTS, &key).is_some_and(|row| row.until <= now) {
        turn.remove(&ATTEMPTS, &key);
    }
}
