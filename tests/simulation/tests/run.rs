//! Runs two hundred seeds.
//!
//! `SIMULATION_SEED=7` runs one seed; `SIMULATION_SEEDS=1000` sets the number of seeds; `SIMULATION_STEPS=2000` sets the steps
//! of a run; `SIMULATION_TRACE=5000` sets the lines of the trace after a violation.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const SEEDS: u64 = 200;
const STEPS: u64 = 300;
const TRACE_LINES: u64 = 120;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn every_invariant_holds_after_every_step_of_every_seed() {
    let steps = usize::try_from(number("SIMULATION_STEPS").unwrap_or(STEPS)).expect("a number of steps");
    let lines =
        usize::try_from(number("SIMULATION_TRACE").unwrap_or(TRACE_LINES)).expect("a number of lines");
    let (first, end) = match number("SIMULATION_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("SIMULATION_SEEDS").unwrap_or(SEEDS)),
    };
    let (next, found, sums) = (AtomicU64::new(first), Mutex::new(Vec::new()), Mutex::new([0; 5]));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || !found.lock().expect("no panic inside").is_empty() {
                        return;
                    }
                    match simulation::run(seed, steps, lines) {
                        Ok(tally) => {
                            let did = [tally.held, tally.payments, tally.charged, tally.refunds, tally.mails];
                            let mut sums = sums.lock().expect("no panic inside");
                            sums.iter_mut().zip(did).for_each(|(sum, did)| *sum += did);
                        }
                        Err(failed) => found.lock().expect("no panic inside").push(failed),
                    }
                }
            });
        }
    });
    let [held, payments, charged, refunds, mails] = *sums.lock().expect("no panic inside");
    println!("{held} held, {payments} payments, {charged} charged, {refunds} refunds, {mails} mails");
    if let Some(failed) = found.lock().expect("no panic inside").first() {
        panic!("{failed}");
    }
    if end - first >= 20 {
        assert!(held > 100 && charged > 20 && refunds > 5 && mails > 100, "the runs do too little");
    }
}
