//! Counts attempts, such as failed sign-ins.

use contracts::auth::{
    AttemptCounted, AttemptRow, AttemptSucceeded, CountAttempt, Refusal, count_attempt, take_back_attempt,
};
use group::Turn;

use crate::limits::ATTEMPT_ROWS_MAX;
use crate::service::{Auth, Timer};
use crate::state::{ATTEMPT_ROWS, ATTEMPTS};

pub(crate) fn count(turn: &mut Turn<'_, Auth>, request: &CountAttempt) -> Result<AttemptCounted, Refusal> {
    let counted = count_attempt(request, turn.now(), |key| turn.get(&ATTEMPTS, &key));
    let (counted, rows) = counted.map_err(Refusal::TooManyAttempts)?;
    store(turn, rows);
    Ok(counted)
}

pub(crate) fn succeeded(turn: &mut Turn<'_, Auth>, request: &AttemptSucceeded) -> Result<(), Refusal> {
    let rows = take_back_attempt(request, turn.now(), |key| turn.get(&ATTEMPTS, &key));
    store(turn, rows);
    Ok(())
}

/// The removal timer of a counter.
pub(crate) fn forget(turn: &mut Turn<'_, Auth>, key: u128) {
    let Some(row) = turn.get(&ATTEMPTS, &key) else { return };
    if row.expires_at <= turn.now() {
        remove(turn, key);
    } else {
        turn.schedule(row.expires_at, Timer::ForgetAttempt(key));
    }
}

fn store(turn: &mut Turn<'_, Auth>, rows: Vec<(u128, AttemptRow)>) {
    for (key, row) in rows {
        if !turn.has(&ATTEMPTS, &key) {
            let rows = turn.get(&ATTEMPT_ROWS, &0).unwrap_or_default();
            turn.put(&ATTEMPT_ROWS, &0, &(rows + 1));
            // Keys are hashes, so the first one is any. Its timer finds no row.
            if rows >= ATTEMPT_ROWS_MAX
                && let Some((any, _)) = turn.first(&ATTEMPTS, 1).first()
            {
                remove(turn, *any);
            }
            turn.schedule(row.expires_at, Timer::ForgetAttempt(key));
        }
        turn.put(&ATTEMPTS, &key, &row);
    }
}

fn remove(turn: &mut Turn<'_, Auth>, key: u128) {
    turn.remove(&ATTEMPTS, &key);
    let rows = turn.get(&ATTEMPT_ROWS, &0).unwrap_or_default();
    turn.put(&ATTEMPT_ROWS, &0, &rows.saturating_sub(1));
}
