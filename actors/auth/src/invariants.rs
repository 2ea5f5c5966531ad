//! What must always hold. Pure checks over a view, one line for each violation.

use group::View;

use crate::limits::{CODE_SECS, GRACE_SECS, SESSIONS_PER_USER_MAX, SUCCESSORS_MAX};
use crate::state::{CODES, KEYS, REFRESH, SESSIONS, USER_SESSIONS};

/// All of them.
pub fn all(view: &View<'_>) -> Vec<String> {
    [
        a_refresh_token_is_used_once(view),
        sessions_and_their_tokens_agree(view),
        a_code_is_used_once_and_in_time(view),
        some_key_always_signs(view),
    ]
    .concat()
}

/// But for a grace after its first use.
pub fn a_refresh_token_is_used_once(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for (_, token) in view.all(&REFRESH) {
        if let (Some(first), Some(last)) = (token.spent_at, token.last_spent_at)
            && last > first.plus_secs(GRACE_SECS)
        {
            violations.push(format!(
                "session {:032x}: a refresh token was used at {} and again at {}",
                token.session, first.0, last.0
            ));
        }
        if token.successors > SUCCESSORS_MAX || (token.spent_at.is_none() && token.successors > 0) {
            violations.push(format!(
                "session {:032x}: a refresh token has {} successors",
                token.session, token.successors
            ));
        }
    }
    violations
}

/// Each token belongs to a session that lists it, and the other way round; each session is its user's.
pub fn sessions_and_their_tokens_agree(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    let mut listed = 0;
    for (id, session) in view.all(&SESSIONS) {
        listed += session.live.len() + session.spent.len();
        if session.live.is_empty() {
            violations.push(format!("session {id:032x} has no live refresh token"));
        }
        let states = session
            .live
            .iter()
            .map(|hash| (hash, false))
            .chain(session.spent.iter().map(|hash| (hash, true)));
        for (hash, spent) in states {
            match view.get(&REFRESH, hash) {
                Some(token) if token.session == id && token.spent_at.is_some() == spent => {}
                Some(_) => {
                    violations.push(format!("session {id:032x} lists a refresh token that says otherwise"));
                }
                None => violations.push(format!("session {id:032x} lists a refresh token that is not there")),
            }
        }
        if !view.has(&USER_SESSIONS, &(session.user, id)) {
            violations.push(format!("session {id:032x} is not listed for its user"));
        }
        if view.scan(&USER_SESSIONS, &session.user).take(SESSIONS_PER_USER_MAX + 1).count()
            > SESSIONS_PER_USER_MAX
        {
            violations.push(format!("{} has too many sessions", session.user));
        }
    }
    let stored = view.all(&REFRESH).count();
    if stored != listed {
        violations.push(format!("{stored} refresh tokens are stored, {listed} are listed by sessions"));
    }
    violations
}

/// A session that came of a code began while the code was good.
pub fn a_code_is_used_once_and_in_time(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    let mut sessions = std::collections::BTreeSet::new();
    for (_, code) in view.all(&CODES) {
        let Some(id) = code.used else { continue };
        if !sessions.insert(id) {
            violations.push(format!("session {id:032x} came of two codes"));
        }
        if let Some(session) = view.get(&SESSIONS, &id)
            && (session.started_at >= code.expires_at
                || session.started_at < code.expires_at.plus_secs(-CODE_SECS))
        {
            violations.push(format!("session {id:032x} came of a code outside its {CODE_SECS} seconds"));
        }
    }
    violations
}

/// Once there is a key, exactly one signs.
pub fn some_key_always_signs(view: &View<'_>) -> Vec<String> {
    let now = view.now();
    let keys: Vec<_> = view.all(&KEYS).map(|(_, key)| key).collect();
    let signing =
        keys.iter().filter(|key| key.active_from <= now && key.retired_at.is_none_or(|at| at > now)).count();
    let newest = keys.iter().filter(|key| key.retired_at.is_none()).count();
    match (keys.len(), signing, newest) {
        (0, ..) | (_, 1, 1) => Vec::new(),
        (all, signing, newest) => vec![format!("of {all} keys {signing} sign, {newest} will not retire")],
    }
}
