//! When nothing succeeded: how long users had to wait for each other's answers, or for a new leader.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::work::Window;

/// Gaps shorter than this are the ordinary time between two successes, and not kept one by one.
const TOLD_FROM: Duration = Duration::from_millis(10);
/// How many are kept one by one, at most.
const TOLD_MAX: usize = 10_000;

/// The times between successes, over all connections.
#[derive(Debug)]
pub(super) struct Gaps {
    window: Window,
    /// Microseconds from the window's beginning to the latest success.
    latest: AtomicU64,
    /// Microseconds.
    longest: AtomicU64,
    told: Mutex<Vec<(u64, u64)>>,
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
        Self { window, latest: AtomicU64::new(0), longest: AtomicU64::new(0), told: Mutex::default() }
    }

    /// Something succeeded at `now`.
    pub fn success(&self, now: Instant) {
        let now = self.micros(now);
        // Of two successes at once the later one may be noted first: then there is no gap before the other.
        let before = self.latest.fetch_max(now, Ordering::Relaxed);
        self.gap(before, now);
    }

    /// The counting ended at `now`: what was not answered until then is a gap as well, unless all had stopped asking by
    /// then (none). Says in milliseconds the longest, and those worth telling, in order.
    pub fn end(&self, now: Option<Instant>) -> (f64, Vec<Gap>) {
        if let Some(now) = now {
            self.success(now.min(self.window.to));
        }
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        told.sort_unstable();
        let gaps = told.into_iter().map(|(from, long)| Gap { from_ms: millis(from), ms: millis(long) });
        (millis(self.longest.load(Ordering::Relaxed)), gaps.collect())
    }

    fn gap(&self, before: u64, now: u64) {
        let long = now.saturating_sub(before);
        self.longest.fetch_max(long, Ordering::Relaxed);
        if u128::from(long) >= TOLD_FROM.as_micros() {
            let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if told.len() < TOLD_MAX {
                told.push((before, long));
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
        for (successes, longest, told) in [
            (&[][..], 1000.0, vec![(0.0, 1000.0)]),
            (&[5, 10, 400, 402, 995], 593.0, vec![(10.0, 390.0), (402.0, 593.0)]),
            (&[300, 290, 295, 999], 699.0, vec![(0.0, 300.0), (300.0, 699.0)]),
        ] {
            let gaps = Gaps::new(window);
            successes.iter().for_each(|ms| gaps.success(at(*ms)));
            let told: Vec<_> = told.into_iter().map(|(from_ms, ms)| Gap { from_ms, ms }).collect();
            assert_eq!(gaps.end(Some(at(2000))), (longest, told), "{successes:?}");
        }
    }
}
