//! What was seen: how many succeeded, how long that took, and why the others did not.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart, in microseconds: ten minutes.
const MICROS_MAX: u64 = 600_000_000;
/// Times are kept to one per cent.
const DIGITS: u8 = 2;

/// Times of what succeeded.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        // The bounds are constants that the histogram takes; a growing one is as good.
        let bounded = Histogram::new_with_bounds(1, MICROS_MAX, DIGITS);
        Self(bounded.unwrap_or_else(|_| {
            Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!("two digits will do"))
        }))
    }
}

impl Times {
    pub fn note(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// In milliseconds.
    pub fn shown(&self) -> Latency {
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

/// What one connection saw, or all.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// What a user wanted, done as a whole.
    pub whole: Times,
    /// The same by kind, or step by step, where there are several.
    pub steps: BTreeMap<&'static str, Times>,
    /// By problem type, or what else went wrong.
    pub failures: BTreeMap<String, u64>,
    /// Bytes of the bodies that were answered.
    pub body_bytes: u64,
    /// How many bodies those were.
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
        one.whole.note(Duration::from_millis(10));
        one.steps.entry("search").or_default().note(Duration::from_millis(10));
        one.failures.insert("sold-out".to_owned(), 2);
        let mut other = Tally::default();
        other.whole.note(Duration::from_millis(30));
        other.failures.insert("sold-out".to_owned(), 1);
        other.failures.insert("unavailable".to_owned(), 1);
        one.add(&other);
        assert_eq!((one.whole.count(), one.failed(), one.failures["sold-out"]), (2, 4, 3));
        let latency = one.whole.shown();
        assert!((9.9..10.2).contains(&latency.p50), "{latency:?}");
        assert!((29.7..30.4).contains(&latency.max), "{latency:?}");
        assert_eq!(one.steps["search"].count(), 1);
    }
}
