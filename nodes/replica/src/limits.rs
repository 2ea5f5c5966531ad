//! The limits of a replica, with their names and units, in one place.

use std::time::Duration;

/// Limits of each replica.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls that a group processes at the same time. Further calls are refused as overloaded.
    pub calls_max: usize,
    /// Outbox rows that one delivery carries.
    pub delivery_rows_max: usize,
    /// Effects of one group that run at the same time.
    pub effects_max: usize,
    /// The first pause after an effect or a delivery failed. It doubles with each failure.
    pub backoff_min: Duration,
    /// The longest pause between attempts.
    pub backoff_max: Duration,
    /// Timeout of one delivery.
    pub delivery_timeout: Duration,
    /// Timeout of one effect.
    pub effect_timeout: Duration,
    /// How long replies are kept under their idempotency keys, in hours.
    pub remembered_hours: u32,
    /// Idempotency keys that one caller may use in an hour.
    pub keys_per_caller_max: u32,
    /// How often a replica is reopened within a minute before it is quarantined.
    pub reopens_max: usize,
    /// In a cluster: after so many entries, a group's log is truncated up to what its state has on disk.
    pub log_cut_every_entries: u64,
    /// In a cluster: entries that remain after truncation. A replica that lacks more gets a snapshot.
    pub log_kept_entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 4096,
            delivery_rows_max: 256,
            effects_max: 32,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            delivery_timeout: Duration::from_secs(10),
            effect_timeout: Duration::from_secs(60),
            remembered_hours: 24,
            keys_per_caller_max: 1_000_000,
            reopens_max: 3,
            log_cut_every_entries: 20_000,
            log_kept_entries: 5_000,
        }
    }
}

impl Limits {
    /// The pause before attempt number `attempt` (from 1). It doubles up to the maximum; a random part of the upper
    /// half is subtracted, so that simultaneous failures do not retry at the same time.
    pub(crate) fn backoff(&self, attempt: u32) -> Duration {
        let full =
            self.backoff_min.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.backoff_max);
        full.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let limits = Limits::default();
        for (attempt, at_most_ms) in [(1, 100), (2, 200), (5, 1600), (30, 30_000), (u32::MAX, 30_000)] {
            let pause = limits.backoff(attempt).as_millis();
            assert!(pause <= at_most_ms && pause * 2 >= at_most_ms, "{attempt}: {pause} ms");
        }
    }
}
