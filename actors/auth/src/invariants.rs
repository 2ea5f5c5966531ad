//! Invariants: pure checks over a view, with one line for each violation.

use group::View;

use crate::limits::{CODE_SECS, REUSE_GRACE_SECS, SESSIONS_PER_USER_MAX, SUCCESSORS_MAX};
use crate::state::{ATTEMPT_ROWS, ATTEMPTS, CODES, KEYS, REFRESH_TOKENS, SESSIONS, USER_SESSIONS};

/// Checks all invariants of this service.
pub fn all(view: &View<'_>) -> Vec<String> {
    [
        a_refresh_token_is_used_once(view),
        sessions_and_refresh_tokens_agree(view),
        a_code_is_used_once_before_it_expires(view),
        exactly_one_key_signs(view),
        counters_of_attempts_are_counted(view),
    ]
    .concat()
}

/// Except during the grace period after its first use.
pub fn a_refresh_token_is_used_once(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    for (_, token) in view.all(&REFRESH_TOKENS) {
        if let (Some(first), Some(last)) = (token.first_used_at, token.last_used_at)
            && last > first.plus_secs(REUSE_GRACE_SECS)
        {
            violations.push(format!(
                "session {:032x}: a refresh token was first used at {} ms and last used at {} ms",
                token.session, first.0, last.0
            ));
        }
        if token.successors > SUCCESSORS_MAX || (token.first_used_at.is_none() && token.successors > 0) {
            violations.push(format!(
                "session {:032x}: a refresh token has {} successors",
                token.session, token.successors
            ));
        }
    }
    violations
}

/// Each refresh token belongs to a session that lists it and vice versa, and each session is listed for its user.
pub fn sessions_and_refresh_tokens_agree(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    let mut listed = 0;
    for (id, session) in view.all(&SESSIONS) {
        listed += session.unused.len() + session.used.len();
        if session.unused.is_empty() {
            violations.push(format!("session {id:032x} has no unused refresh token"));
        }
        let unused = session.unused.iter().map(|hash| (hash, false));
        for (hash, used) in unused.chain(session.used.iter().map(|hash| (hash, true))) {
            match view.get(&REFRESH_TOKENS, hash) {
                Some(token) if token.session == id && token.first_used_at.is_some() == used => {}
                Some(_) => violations.push(format!("session {id:032x} contradicts its refresh token")),
                None => violations.push(format!("session {id:032x} lists a missing refresh token")),
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
    let stored = view.all(&REFRESH_TOKENS).count();
    if stored != listed {
        violations.push(format!("{stored} refresh tokens are stored, {listed} are listed by sessions"));
    }
    violations
}

/// A code creates at most one session, before the code expires.
pub fn a_code_is_used_once_before_it_expires(view: &View<'_>) -> Vec<String> {
    let mut violations = Vec::new();
    let mut sessions = std::collections::BTreeSet::new();
    for (_, code) in view.all(&CODES) {
        let Some(id) = code.used else { continue };
        if !sessions.insert(id) {
            violations.push(format!("session {id:032x} was created with two codes"));
        }
        if let Some(session) = view.get(&SESSIONS, &id)
            && (session.started_at >= code.expires_at
                || session.started_at < code.expires_at.plus_secs(-CODE_SECS))
        {
            violations.push(format!("session {id:032x} was created with an expired code"));
        }
    }
    violations
}

/// If there are keys, exactly one of them signs and exactly one is not retired.
pub fn exactly_one_key_signs(view: &View<'_>) -> Vec<String> {
    let now = view.now();
    let keys: Vec<_> = view.all(&KEYS).map(|(_, key)| key).collect();
    let active = keys.iter().filter(|key| key.is_active(now)).count();
    let not_retired = keys.iter().filter(|key| key.retired_at.is_none()).count();
    match (keys.len(), active, not_retired) {
        (0, ..) | (_, 1, 1) => Vec::new(),
        (all, ..) => {
            vec![format!("{active} of {all} signing keys are active, {not_retired} are not retired")]
        }
    }
}

/// The stored number of counters limits them, so it must be right.
pub fn counters_of_attempts_are_counted(view: &View<'_>) -> Vec<String> {
    let (stored, counted) =
        (view.all(&ATTEMPTS).count() as u64, view.get(&ATTEMPT_ROWS, &0).unwrap_or_default());
    if stored == counted {
        return Vec::new();
    }
    vec![format!("{stored} counters of attempts are stored, {counted} are counted")]
}
