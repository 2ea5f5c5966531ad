//! Times without any success, over all connections: how long users waited for a response or for a new leader.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::work::Window;

/// Shorter gaps are the normal time between two successes, and are not recorded.
const RECORDED_MIN: Duration = Duration::from_millis(10);
/// Maximum number of recorded gaps.
const RECORDED_MAX: usize = 10_000;

/// The times between successes, over all connections.
#[derive(Debug)]
pub(super) struct Gaps {
    window: Window,
    /// Microseconds from the start of the window to the latest success.
    latest: AtomicU64,
    /// Microseconds.
    longest: AtomicU64,
    recorded: Mutex<Vec<(u64, u64)>>,
}

/// A time in which nothing succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Gap {
    /// Milliseconds from the end of the warm-up to the success before it.
    pub from_ms: f64,
    /// Milliseconds.
    pub ms: f64,
}

impl Gaps {
    pub fn new(window: Window) -> Self {
        Self { window, latest: AtomicU64::new(0), longest: AtomicU64::new(0), recorded: Mutex::default() }
    }

    /// Records a success at `now`.
    pub fn success(&self, now: Instant) {
        let now = self.micros(now);
        // Of two concurrent successes the later one may be recorded first. There is no gap before the other then.
        let before = self.latest.fetch_max(now, Ordering::Relaxed);
        self.gap(before, now);
    }

    /// Ends the measurement at `now`. The time since the last success counts as a gap, unless requests had stopped before
    /// (`None`). Returns the longest gap in milliseconds, and the recorded gaps in order.
    pub fn end(&self, now: Option<Instant>) -> (f64, Vec<Gap>) {
        if let Some(now) = now {
            self.success(now.min(self.window.to));
        }
        let mut recorded = self.recorded.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        recorded.sort_unstable();
        let gaps = recorded.into_iter().map(|(from, long)| Gap { from_ms: millis(from), ms: millis(long) });
        (millis(self.longest.load(Ordering::Relaxed)), gaps.collect())
    }

    fn gap(&self, before: u64, now: u64) {
        let long = now.saturating_sub(before);
        self.longest.fetch_max(long, Ordering::Relaxed);
        if u128::from(long) >= RECORDED_MIN.as_micros() {
            let mut recorded = self.recorded.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if recorded.len() < RECORDED_MAX {
                recorded.push((before, long));
            }
        }
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.window.from).as_micros()).unwrap_or(u64::MAX)
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_is_found_wherever_it_is() {
        let from = Instant::now();
        let at = |ms| from + Duration::from_millis(ms);
        let window = Window { from, to: at(1000) };
        for (successes, longest, recorded) in [
            (&[][..], 1000.0, vec![(0.0, 1000.0)]),
            (&[5, 10, 400, 402, 995], 593.0, vec![(10.0, 390.0), (402.0, 593.0)]),
            (&[300, 290, 295, 999], 699.0, vec![(0.0, 300.0), (300.0, 699.0)]),
        ] {
            let gaps = Gaps::new(window);
            successes.iter().for_each(|ms| gaps.success(at(*ms)));
            let recorded: Vec<_> = recorded.into_iter().map(|(from_ms, ms)| Gap { from_ms, ms }).collect();
            assert_eq!(gaps.end(Some(at(2000))), (longest, recorded), "{successes:?}");
        }
    }
}
