//! The life of a signing key: announced, active, retired, dropped.

use contracts::auth::{Refusal, Reply, SealedKey};
use group::Turn;

use crate::Effect;
use crate::limits::{KEY_NOTICE_SECS, KEY_SECS, REVOCATION_SECS};
use crate::service::{Auth, Timer};
use crate::state::{KEYS, Key};

/// More keys than this are never alive: rotation waits.
const KEYS_MAX: usize = 16;

/// All key effects have one order.
const EFFECT_KEY: u128 = 1;

/// The first key of a cluster; a node that comes second changes nothing.
pub(crate) fn install(turn: &mut Turn<'_, Auth>, key: SealedKey) -> Result<Reply, Refusal> {
    if turn.first(&KEYS, 1).is_empty() {
        add(turn, key);
    }
    Ok(Reply::Done)
}

/// A key that our own leader made.
pub(crate) fn made(turn: &mut Turn<'_, Auth>, key: SealedKey) -> Result<Reply, Refusal> {
    if !turn.has(&KEYS, &key.id) {
        add(turn, key);
    }
    Ok(Reply::Done)
}

/// Has a key made, unless one is about to become active.
pub(crate) fn rotate(turn: &mut Turn<'_, Auth>) -> Result<Reply, Refusal> {
    let keys = turn.first(&KEYS, KEYS_MAX);
    let announced = keys.iter().any(|(_, key)| key.active_from > turn.now());
    if !announced && keys.len() < KEYS_MAX {
        turn.effect(EFFECT_KEY, &Effect::GenerateKey);
    }
    Ok(Reply::Done)
}

/// Distrusts a key and all that it signed.
pub(crate) fn withdraw(turn: &mut Turn<'_, Auth>, id: &String) -> Result<Reply, Refusal> {
    let now = turn.now();
    if !turn.has(&KEYS, id) {
        return Err(Refusal::NoSuchKey);
    }
    let signs = |key: &Key| key.active_from <= now && key.retired_at.is_none_or(|at| at > now);
    if !turn.first(&KEYS, KEYS_MAX + 1).iter().any(|(other, key)| other != id && signs(key)) {
        return Err(Refusal::LastKey);
    }
    turn.remove(&KEYS, id);
    Ok(Reply::Done)
}

/// A key has reached its age. If it still is the newest, another is made.
pub(crate) fn due(turn: &mut Turn<'_, Auth>, id: &String) {
    if turn.get(&KEYS, id).is_some_and(|key| key.retired_at.is_none()) {
        turn.effect(EFFECT_KEY, &Effect::GenerateKey);
    }
}

/// A retired key's last token has expired.
pub(crate) fn drop_retired(turn: &mut Turn<'_, Auth>, id: &String) {
    let now = turn.now();
    let over = |key: Key| key.retired_at.is_some_and(|at| at.plus_secs(REVOCATION_SECS) <= now);
    if turn.get(&KEYS, id).is_some_and(over) {
        turn.remove(&KEYS, id);
    }
}

fn add(turn: &mut Turn<'_, Auth>, new: SealedKey) {
    let now = turn.now();
    let older = turn.first(&KEYS, KEYS_MAX + 1);
    // The first key signs at once: there is nothing to bridge the notice with.
    let active_from = if older.is_empty() { now } else { now.plus_secs(KEY_NOTICE_SECS) };
    for (id, mut key) in older {
        if key.retired_at.is_none() {
            // A key that was announced and not yet active never signs.
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
