//! How many idempotency keys each caller uses.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use protocol::Timestamp;

/// The idempotency keys of each caller in the current hour.
#[derive(Default)]
pub(super) struct KeyCounts(Mutex<Hour>);

#[derive(Default)]
struct Hour {
    /// Since 1970.
    number: i64,
    /// By the hash of the caller.
    counts: HashMap<u128, u32>,
}

impl KeyCounts {
    /// Counts a key, unless the caller has used `max` of them in this hour. Returns whether it was counted.
    pub fn add(&self, caller: u128, max: u32) -> bool {
        let number = Timestamp::wall_clock().seconds() / 3600;
        let mut hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hour.number != number {
            *hour = Hour { number, counts: HashMap::new() };
        }
        let count = hour.counts.entry(caller).or_default();
        if *count >= max {
            return false;
        }
        *count += 1;
        true
    }
}
