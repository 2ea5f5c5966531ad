//! Counts and latencies of successes, and counts of failures by cause.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Maximum recorded latency, in microseconds: ten minutes.
const MICROS_MAX: u64 = 600_000_000;
/// Significant digits of latencies: a precision of one per cent.
const DIGITS: u8 = 2;

/// Latencies of successes.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        // These constant bounds are valid. The fallback resizes itself.
        let bounded = Histogram::new_with_bounds(1, MICROS_MAX, DIGITS);
        Self(bounded.unwrap_or_else(|_| {
            Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!("two digits are valid"))
        }))
    }
}

impl Times {
    pub fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    fn add(&mut self, other: &Self) {
        // Cannot fail: both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub fn latency(&self) -> Latency {
        let at = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Latency { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: self.0.max() as f64 / 1000.0 }
    }
}

/// Milliseconds from the first byte sent to the last received.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// The results of one connection, or of all.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Whole operations of a user.
    pub whole: Times,
    /// The same by kind of request, or by step of a journey.
    pub steps: BTreeMap<&'static str, Times>,
    /// Failures by problem type, or by another cause.
    pub failures: BTreeMap<String, u64>,
    /// Total size of response bodies.
    pub body_bytes: u64,
    /// Number of response bodies.
    pub bodies: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.whole.add(&other.whole);
        for (step, times) in &other.steps {
            self.steps.entry(step).or_default().add(times);
        }
        for (kind, count) in &other.failures {
            *self.failures.entry(kind.clone()).or_default() += count;
        }
        self.body_bytes += other.body_bytes;
        self.bodies += other.bodies;
    }

    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let mut one = Tally::default();
        one.whole.record(Duration::from_millis(10));
        one.steps.entry("search").or_default().record(Duration::from_millis(10));
        one.failures.insert("sold-out".to_owned(), 2);
        let mut other = Tally::default();
        other.whole.record(Duration::from_millis(30));
        other.failures.insert("sold-out".to_owned(), 1);
        other.failures.insert("unavailable".to_owned(), 1);
        one.add(&other);
        assert_eq!((one.whole.count(), one.failed(), one.failures["sold-out"]), (2, 4, 3));
        let latency = one.whole.latency();
        assert!((9.9..10.2).contains(&latency.p50), "{latency:?}");
        assert!((29.7..30.4).contains(&latency.max), "{latency:?}");
        assert_eq!(one.steps["search"].count(), 1);
    }
}
