//! Time of the last contact with the leader, for bounded-staleness reads and for missing leaders.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Reference point for timestamps.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time of the last contact with the leader: milliseconds since [`START`], plus one. 0 if there was none.
#[derive(Debug, Default)]
pub(crate) struct LastContact(AtomicU64);

impl LastContact {
    /// Records a contact now.
    pub fn record(&self) {
        self.0.store(now_ms() + 1, Ordering::Relaxed);
    }

    /// Whether the last contact was at most `silence_max` ago.
    pub fn within(&self, silence_max: Duration) -> bool {
        let at = self.0.load(Ordering::Relaxed);
        at > 0 && u128::from((now_ms() + 1).saturating_sub(at)) <= silence_max.as_millis()
    }
}

fn now_ms() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_measured_from_the_last_contact() {
        let last_contact = LastContact::default();
        assert!(!last_contact.within(Duration::MAX), "never");
        last_contact.record();
        assert!(last_contact.within(Duration::from_secs(60)));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!last_contact.within(Duration::from_millis(5)));
    }
}
