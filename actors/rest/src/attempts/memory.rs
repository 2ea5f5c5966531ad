//! Counters in the memory of one process, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::auth::{
    AttemptCounted, AttemptRow, AttemptSucceeded, CountAttempt, count_attempt, take_back_attempt,
};
use protocol::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Memory {
    rows: Mutex<BTreeMap<u128, AttemptRow>>,
}

impl Memory {
    /// The error is the number of seconds to wait.
    pub fn count(&self, request: &CountAttempt) -> Result<AttemptCounted, u32> {
        let mut rows = self.rows();
        let (counted, changed) =
            count_attempt(request, Timestamp::wall_clock(), |key| rows.get(&key).copied())?;
        rows.extend(changed);
        Ok(counted)
    }

    pub fn take_back(&self, request: &AttemptSucceeded) {
        let mut rows = self.rows();
        let changed = take_back_attempt(request, Timestamp::wall_clock(), |key| rows.get(&key).copied());
        rows.extend(changed);
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<u128, AttemptRow>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
