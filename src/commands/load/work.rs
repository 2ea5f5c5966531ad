//! The work of one connection: sends requests until the time is up, and records the results.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use super::gap::Gaps;
use super::http::{Connection, Request, Response};
use super::plan::{Mix, Plan};
use super::tally::Tally;

/// Pause after a failure, so that a server that refuses every request is not flooded.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(5);
/// Maximum time to wait for responses after the end.
const GRACE: Duration = Duration::from_secs(10);

/// The measured time: requests that end within it are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub from: Instant,
    pub to: Instant,
}

/// State shared by all connections.
#[derive(Debug)]
pub(super) struct Shared {
    pub plan: Plan,
    pub window: Window,
    /// When the next request may begin, if the rate is limited.
    pub pace: Option<Mutex<Interval>>,
    /// Number of counted successes.
    pub done: AtomicU64,
    pub gaps: Gaps,
    /// The number of successes after which the run ends.
    pub done_max: u64,
    /// Ends the run.
    pub stop: AtomicBool,
}

/// An interval of `per_second` ticks a second. Missed ticks are skipped.
pub(super) fn pace(per_second: u64) -> Mutex<Interval> {
    let mut interval =
        tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(u32::MAX));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Mutex::new(interval)
}

impl Shared {
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.window.to
            || self.stop.load(Ordering::Relaxed)
            || self.done.load(Ordering::Relaxed) >= self.done_max
    }
}

/// The cause of a failure: the last segment of a problem type, or another cause.
pub(super) type Why = String;

/// A connection and its results.
pub(super) struct Worker {
    pub shared: Arc<Shared>,
    pub connection: Connection,
    pub tally: Tally,
    random: Random,
    /// The two halves of the next `Idempotency-Key`: this worker's, and a number.
    key: (u64, u64),
}

impl Worker {
    pub fn new(shared: Arc<Shared>, connection: Connection) -> Self {
        let random = Random(rand::random::<u64>() | 1);
        Self { shared, connection, tally: Tally::default(), random, key: (rand::random(), 0) }
    }

    /// Sends requests until the time is up, and waits briefly for the last response.
    pub async fn run(mut self) -> Tally {
        let window = self.shared.window;
        // One timer for all requests, because one for each would be expensive.
        let deadline = tokio::time::sleep_until((window.to + GRACE).into());
        tokio::pin!(deadline);
        loop {
            if let Some(pace) = &self.shared.pace {
                let mut pace = pace.lock().await;
                if !self.shared.is_over(Instant::now()) {
                    pace.tick().await;
                }
            }
            let begun = Instant::now();
            if self.shared.is_over(begun) {
                return self.tally;
            }
            let outcome = tokio::select! {
                biased;
                outcome = self.once() => outcome,
                () = &mut deadline => {
                    *self.tally.failures.entry("no response".to_owned()).or_default() += 1;
                    return self.tally;
                }
            };
            let ended = Instant::now();
            let counts = window.from <= ended && ended <= window.to;
            match outcome {
                Ok(()) if counts => {
                    self.tally.whole.record(ended - begun);
                    self.shared.gaps.success(ended);
                    self.shared.done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(()) => {}
                Err(why) => {
                    if counts {
                        *self.tally.failures.entry(why).or_default() += 1;
                    }
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    /// One operation of a user of this mix.
    async fn once(&mut self) -> Result<(), Why> {
        match self.shared.plan.mix {
            None | Some(Mix::Search) => self.search(None).await,
            Some(Mix::Hold) => self.hold(None).await,
            Some(Mix::Journey) => self.journey().await,
            Some(Mix::Hotel) => match self.below(1000) {
                0..600 => self.search(Some("search")).await,
                600..990 => self.recommendation().await,
                990..995 => self.sign_in().await,
                _ => self.hold(Some("reserve")).await,
            },
        }
    }

    async fn search(&mut self, step: Option<&'static str>) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let nth = self.below(shared.plan.searches.len());
        self.send(step, shared.plan.searches[nth].clone()).await.map(drop)
    }

    async fn recommendation(&mut self) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let nth = self.below(shared.plan.recommendations.len());
        self.send(Some("recommendation"), shared.plan.recommendations[nth].clone()).await.map(drop)
    }

    async fn sign_in(&mut self) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let request = shared.plan.sign_in.clone().ok_or("not signed in")?;
        self.send(Some("sign-in"), request).await.map(drop)
    }

    async fn hold(&mut self, step: Option<&'static str>) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let nth = self.below(shared.plan.holds.len());
        self.send_keyed(step, shared.plan.holds[nth].clone()).await.map(drop)
    }

    /// Sends a request with a new `Idempotency-Key`.
    pub(super) async fn send_keyed(
        &mut self,
        step: Option<&'static str>,
        mut request: Request,
    ) -> Result<Response<'_>, Why> {
        self.key.1 += 1;
        let key = format!("{:016x}{:016x}", self.key.0, self.key.1);
        let key = HeaderValue::try_from(key).map_err(|error| error.to_string())?;
        request.headers_mut().insert("idempotency-key", key);
        self.send(step, request).await
    }

    /// Sends a request, and records a success under `step`.
    pub(super) async fn send(
        &mut self,
        step: Option<&'static str>,
        request: Request,
    ) -> Result<Response<'_>, Why> {
        let begun = Instant::now();
        let sent = self.connection.send(request).await;
        record(&self.shared.window, &mut self.tally, step, begun, sent)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }
}

fn record<'a>(
    window: &Window,
    tally: &mut Tally,
    step: Option<&'static str>,
    begun: Instant,
    sent: std::io::Result<Response<'a>>,
) -> Result<Response<'a>, Why> {
    let response = sent.map_err(|error| error.kind().to_string())?;
    if !(200..300).contains(&response.status) {
        return Err(failure_cause(response));
    }
    tally.bodies += 1;
    tally.body_bytes += response.body.len() as u64;
    if let Some(step) = step {
        let ended = Instant::now();
        if window.from <= ended && ended <= window.to {
            tally.steps.entry(step).or_default().record(ended - begun);
        }
    }
    Ok(response)
}

fn failure_cause(response: Response<'_>) -> Why {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "type")]
        kind: Option<String>,
        /// In OAuth error responses.
        error: Option<String>,
    }
    let problem = serde_json::from_slice::<Problem>(response.body).ok();
    let kind = problem.and_then(|problem| problem.kind.or(problem.error));
    let last = kind.as_deref().and_then(|kind| kind.rsplit('/').next()).filter(|last| !last.is_empty());
    last.map_or_else(|| format!("status {}", response.status), str::to_owned)
}

/// Marsaglia's xorshift64: cheap, and good enough to choose requests.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_named_by_their_cause() {
        let table = [
            (409, r#"{"type":"/problems/sold-out","status":409}"#, "sold-out"),
            (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
            (503, "", "status 503"),
            (500, r#"{"type":"/"}"#, "status 500"),
            (500, "<html>", "status 500"),
        ];
        for (status, body, expected) in table {
            assert_eq!(failure_cause(Response { status, body: body.as_bytes() }), expected);
        }
    }

    #[test]
    fn random_numbers_are_uniform() {
        let mut random = Random(7);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[random.below(10)] += 1;
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
    }
}
