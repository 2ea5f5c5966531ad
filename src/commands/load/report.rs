//! The report at the end of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::gap::Gap;
use super::tally::{Latency, Tally, Times};
use crate::commands::output;

/// The measurements. Times are in milliseconds unless the name has another unit.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub mix: &'static str,
    pub url: String,
    pub connections: usize,
    /// The measured time, without the warm-up.
    pub seconds: f64,
    pub successes: u64,
    pub successes_per_second: f64,
    pub latency_ms: Latency,
    /// The longest time without a success.
    pub longest_gap_ms: f64,
    /// All such times of at least 10 ms, in order; at most ten thousand.
    pub gaps: Vec<Gap>,
    /// Average size of a response body.
    pub bytes_per_answer: u64,
    pub failed: u64,
    /// Failures by problem type, or by another cause.
    pub failures: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<&'static str, Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerUse>,
    /// CPU time of the load generator.
    pub own_cpu_seconds: f64,
}

/// Successes of one kind of request, or of one step of a journey.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub successes: u64,
    pub latency_ms: Latency,
}

/// CPU time of the server.
#[derive(Debug, Serialize)]
pub(super) struct ServerUse {
    pub pid: u32,
    pub cpu_seconds: f64,
    pub successes_per_cpu_second: f64,
}

impl From<&Times> for Step {
    fn from(times: &Times) -> Self {
        Self { successes: times.count(), latency_ms: times.latency() }
    }
}

impl Report {
    pub fn new(mix: &'static str, url: String, connections: usize, counted: Duration, tally: &Tally) -> Self {
        let (successes, seconds) = (tally.whole.count(), counted.as_secs_f64());
        Self {
            mix,
            url,
            connections,
            seconds,
            successes,
            successes_per_second: successes as f64 / seconds.max(f64::MIN_POSITIVE),
            latency_ms: tally.whole.latency(),
            longest_gap_ms: 0.0,
            gaps: Vec::new(),
            bytes_per_answer: tally.body_bytes.checked_div(tally.bodies).unwrap_or(0),
            failed: tally.failed(),
            failures: tally.failures.clone(),
            steps: tally.steps.iter().map(|(name, times)| (*name, Step::from(times))).collect(),
            server: None,
            own_cpu_seconds: 0.0,
        }
    }

    pub fn with_server(mut self, pid: u32, used: Duration) -> Self {
        let cpu_seconds = used.as_secs_f64();
        // /proc counts in ticks of 10 ms.
        let rate = if cpu_seconds > 0.0 { self.successes as f64 / cpu_seconds } else { 0.0 };
        self.server = Some(ServerUse { pid, cpu_seconds, successes_per_cpu_second: rate });
        self
    }

    /// Prints the report for people.
    pub fn print(&self) {
        println!(
            "{} at {}, {} connections, {:.1} s counted after a warm-up\n",
            self.mix, self.url, self.connections, self.seconds
        );
        let mut rows = vec![self.row(self.mix, self.successes, &self.latency_ms)];
        rows.extend(
            self.steps
                .iter()
                .map(|(name, step)| self.row(&format!("  {name}"), step.successes, &step.latency_ms)),
        );
        output::print_table(&["", "successes", "a second", "p50 ms", "p95 ms", "p99 ms", "max ms"], rows);
        if let Some(server) = &self.server {
            println!(
                "{:.2} s of server CPU: {:.0} successes a CPU-second",
                server.cpu_seconds, server.successes_per_cpu_second
            );
        }
        println!(
            "{} bytes a response; this load generator used {:.2} s of CPU",
            self.bytes_per_answer, self.own_cpu_seconds
        );
        println!("the longest time without any success: {:.0} ms", self.longest_gap_ms);
        if self.failures.is_empty() {
            println!("no failures");
        }
        for (kind, count) in &self.failures {
            println!("{count} failed: {kind}");
        }
    }

    fn row(&self, name: &str, successes: u64, latency: &Latency) -> Vec<String> {
        let mut row =
            vec![name.to_owned(), successes.to_string(), format!("{:.0}", successes as f64 / self.seconds)];
        row.extend([latency.p50, latency.p95, latency.p99, latency.max].map(|time| format!("{time:.2}")));
        row
    }
}
