//! Counters of attempts: failed sign-ins, guesses of short codes, requests for mails. They are replicated, so that all edges
//! of a cluster count together.
//!
//! An attempt is never locked out: after a number of free attempts, the next one must come later, and the delay doubles.
//! Keys are hashes under a key of the cluster, so that neither log nor store contains an address.

use protocol::{Access, Timestamp};
use serde::{Deserialize, Serialize};

use super::Auth;

/// A success exempts later attempts under the same key from shared counters for 30 days (in seconds).
const TRUST_SECS: i64 = 30 * 86_400;

/// How attempts under one key are delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRule {
    /// Attempts without a delay.
    pub free: u32,
    /// The first delay, in seconds. It doubles with each further attempt.
    pub delay_secs: u32,
    /// The longest delay, in seconds.
    pub delay_secs_max: u32,
    /// The counter starts again after this time without an attempt, in seconds.
    pub forget_secs: u32,
}

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptCounter {
    /// What is counted: a keyed hash.
    pub key: u128,
    pub rule: AttemptRule,
}

/// Counts an attempt before it is made. Refused with [`TooManyAttempts`](super::Refusal::TooManyAttempts) while a counter
/// delays it; a refused attempt is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountAttempt {
    /// The counter of this attempt, for example of one account and one client address.
    pub own: AttemptCounter,
    /// Counters shared with others, for example of a client address. They do not apply to an `own` key that has succeeded
    /// within the last 30 days, so that attempts of others cannot delay those who have signed in before.
    pub shared: Vec<AttemptCounter>,
}
request!(CountAttempt, Auth => AttemptCounted, Access::services(&["auth"]));

/// The reply to [`CountAttempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptCounted {
    /// Whether the shared counters were incremented too.
    pub shared: bool,
}

/// Takes a counted attempt back, because it was successful: resets its own counter, and decrements the shared ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSucceeded {
    pub own: AttemptCounter,
    /// The keys of the shared counters that were incremented.
    pub shared: Vec<u128>,
}
request!(AttemptSucceeded, Auth => (), Access::services(&["auth"]));

/// The stored state of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct AttemptRow {
    pub count: u32,
    pub last_at: Timestamp,
    /// The attempt before `last_at`.
    pub previous_at: Timestamp,
    /// Until then, shared counters do not apply.
    pub trusted_until: Timestamp,
    /// When the row can be removed.
    pub expires_at: Timestamp,
}

impl AttemptRow {
    /// When the next attempt is accepted.
    fn next_at(&self, rule: AttemptRule) -> Timestamp {
        let Some(beyond) = self.count.checked_sub(rule.free) else { return Timestamp(i64::MIN) };
        let delay = i64::from(rule.delay_secs) << beyond.min(20);
        self.last_at.plus_secs(delay.min(rule.delay_secs_max.into()))
    }

    fn counted(mut self, rule: AttemptRule, now: Timestamp) -> Self {
        self.previous_at = self.last_at;
        self.last_at = now;
        self.count = self.count.saturating_add(1);
        self.expires_at = self.trusted_until.max(now.plus_secs(rule.forget_secs.into()));
        self
    }
}

/// What to store for a counted attempt, or the number of seconds after which it can be made.
///
/// # Errors
/// When a counter delays the attempt.
pub fn count_attempt(
    request: &CountAttempt,
    now: Timestamp,
    get: impl Fn(u128) -> Option<AttemptRow>,
) -> Result<(AttemptCounted, Vec<(u128, AttemptRow)>), u32> {
    let row_of = |counter: &AttemptCounter| {
        let mut row = get(counter.key).unwrap_or_default();
        if row.last_at.plus_secs(counter.rule.forget_secs.into()) <= now {
            row.count = 0;
        }
        row
    };
    let trusted = row_of(&request.own).trusted_until > now;
    let shared = if trusted { &[][..] } else { &request.shared };
    let counters: Vec<_> =
        std::iter::once(&request.own).chain(shared).map(|counter| (counter, row_of(counter))).collect();
    let next_at = counters.iter().map(|(counter, row)| row.next_at(counter.rule)).max();
    if let Some(next_at) = next_at.filter(|next_at| *next_at > now) {
        return Err(u32::try_from((next_at.0 - now.0).div_euclid(1000) + 1).unwrap_or(u32::MAX));
    }
    let rows = counters.into_iter().map(|(counter, row)| (counter.key, row.counted(counter.rule, now)));
    Ok((AttemptCounted { shared: !trusted }, rows.collect()))
}

/// What to store when a counted attempt was successful.
pub fn take_back_attempt(
    request: &AttemptSucceeded,
    now: Timestamp,
    get: impl Fn(u128) -> Option<AttemptRow>,
) -> Vec<(u128, AttemptRow)> {
    let trusted_until = now.plus_secs(TRUST_SECS);
    let own = AttemptRow { trusted_until, expires_at: trusted_until, ..AttemptRow::default() };
    let shared = request.shared.iter().filter_map(|key| {
        let row = get(*key)?;
        let count = row.count.saturating_sub(1);
        Some((*key, AttemptRow { count, last_at: row.previous_at, ..row }))
    });
    std::iter::once((request.own.key, own)).chain(shared).collect()
}
