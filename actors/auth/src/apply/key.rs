//! The lifecycle of a signing key: announced, active, retired, removed.

use contracts::auth::{InstallKey, KeyGenerated, Refusal, SealedKey, WithdrawKey};
use group::Turn;

use crate::Effect;
use crate::limits::{KEY_NOTICE_SECS, KEY_SECS, REVOCATION_SECS};
use crate::service::{Auth, Timer};
use crate::state::{KEYS, Key};

/// The most keys at a time. With more, rotation has no effect.
const KEYS_MAX: usize = 16;

/// All key effects have the same outbox key, which keeps them in order.
const EFFECT_KEY: u128 = 1;

/// Adds the first key. Without effect if there is a key, for example one of another node.
pub(crate) fn install(turn: &mut Turn<'_, Auth>, InstallKey(key): InstallKey) -> Result<(), Refusal> {
    if turn.first(&KEYS, 1).is_empty() {
        add(turn, key);
    }
    Ok(())
}

/// Adds a key that the leader generated.
pub(crate) fn generated(turn: &mut Turn<'_, Auth>, KeyGenerated(key): KeyGenerated) -> Result<(), Refusal> {
    if !turn.has(&KEYS, &key.id) {
        add(turn, key);
    }
    Ok(())
}

/// Requests a new key, unless one is announced already.
pub(crate) fn rotate(turn: &mut Turn<'_, Auth>) -> Result<(), Refusal> {
    let keys = turn.first(&KEYS, KEYS_MAX);
    let announced = keys.iter().any(|(_, key)| key.active_from > turn.now());
    if !announced && keys.len() < KEYS_MAX {
        turn.effect(EFFECT_KEY, &Effect::GenerateKey);
    }
    Ok(())
}

/// Removes a key, so that all tokens that it signed become invalid.
pub(crate) fn withdraw(turn: &mut Turn<'_, Auth>, WithdrawKey { id }: &WithdrawKey) -> Result<(), Refusal> {
    let now = turn.now();
    if !turn.has(&KEYS, id) {
        return Err(Refusal::NoSuchKey);
    }
    let mut others = turn.first(&KEYS, KEYS_MAX + 1).into_iter().filter(|(other, _)| other != id);
    if !others.any(|(_, key)| key.is_active(now)) {
        return Err(Refusal::LastKey);
    }
    turn.remove(&KEYS, id);
    Ok(())
}

/// The rotation timer of a key. Requests a new key if this one is the newest.
pub(crate) fn due(turn: &mut Turn<'_, Auth>, id: &String) {
    if turn.get(&KEYS, id).is_some_and(|key| key.retired_at.is_none()) {
        turn.effect(EFFECT_KEY, &Effect::GenerateKey);
    }
}

/// The removal timer of a retired key, whose last token has expired.
pub(crate) fn remove_retired(turn: &mut Turn<'_, Auth>, id: &String) {
    let now = turn.now();
    let expired = |key: Key| key.retired_at.is_some_and(|at| at.plus_secs(REVOCATION_SECS) <= now);
    if turn.get(&KEYS, id).is_some_and(expired) {
        turn.remove(&KEYS, id);
    }
}

fn add(turn: &mut Turn<'_, Auth>, new: SealedKey) {
    let now = turn.now();
    let older = turn.first(&KEYS, KEYS_MAX + 1);
    // The first key is active at once, because no other key can sign until then.
    let active_from = if older.is_empty() { now } else { now.plus_secs(KEY_NOTICE_SECS) };
    for (id, mut key) in older {
        if key.retired_at.is_none() {
            // A key that is announced but not active yet never signs.
            let retired_at = active_from.max(key.active_from);
            key.retired_at = Some(retired_at);
            turn.put(&KEYS, &id, &key);
            turn.schedule(retired_at.plus_secs(REVOCATION_SECS), Timer::DropKey(id));
        }
    }
    let SealedKey { id, public, sealed } = new;
    turn.put(&KEYS, &id, &Key { public, sealed, created_at: now, active_from, retired_at: None });
    turn.schedule(active_from.plus_secs(KEY_SECS), Timer::RotateKey(id));
}
