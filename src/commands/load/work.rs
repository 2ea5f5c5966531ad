//! One connection's work: asks until time is up, and notes what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use super::gap::Gaps;
use super::http::{Answer, Connection};
use super::plan::{KEY_DIGITS, Mix, Plan};
use super::tally::Tally;

/// A failure is not followed by the next request at once: a server that refuses everything is not to be drowned.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(5);
/// How long answers are waited for after the end.
const GRACE: Duration = Duration::from_secs(10);

/// What counts: what ends within it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub from: Instant,
    pub to: Instant,
}

/// What all connections share while they work.
#[derive(Debug)]
pub(super) struct Shared {
    pub plan: Plan,
    pub window: Window,
    /// When the next request may begin, where that is limited.
    pub pace: Option<Mutex<Interval>>,
    /// Successes that counted.
    pub done: AtomicU64,
    /// When there were none.
    pub gaps: Gaps,
    /// How many of them are wanted at most.
    pub done_max: u64,
    /// Enough.
    pub stop: AtomicBool,
}

/// So many moments a second; those that were missed are not made up for.
pub(super) fn pace(per_second: u64) -> Mutex<Interval> {
    let mut moments =
        tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(u32::MAX));
    moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Mutex::new(moments)
}

impl Shared {
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.window.to
            || self.stop.load(Ordering::Relaxed)
            || self.done.load(Ordering::Relaxed) >= self.done_max
    }
}

/// The kind of a failure: a problem type's last segment, or what else went wrong.
pub(super) type Why = String;

/// A connection and what it saw.
pub(super) struct Worker {
    pub shared: Arc<Shared>,
    pub connection: Connection,
    pub tally: Tally,
    draw: Draw,
    /// Two halves of the next `Idempotency-Key`: this worker's, and a number.
    key: (u64, u64),
    out: Vec<u8>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, connection: Connection) -> Self {
        let draw = Draw(rand::random::<u64>() | 1);
        Self { shared, connection, tally: Tally::default(), draw, key: (rand::random(), 0), out: Vec::new() }
    }

    /// Works until time is up; waits for the last answer for a while.
    pub async fn run(mut self) -> Tally {
        let window = self.shared.window;
        // One timer for all requests: one for each would cost more than it tells.
        let patience = tokio::time::sleep_until((window.to + GRACE).into());
        tokio::pin!(patience);
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
                () = &mut patience => {
                    *self.tally.failures.entry("no answer".to_owned()).or_default() += 1;
                    return self.tally;
                }
            };
            let ended = Instant::now();
            let counts = window.from <= ended && ended <= window.to;
            match outcome {
                Ok(()) if counts => {
                    self.tally.whole.note(ended - begun);
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

    /// What a user of this mix wants once.
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
        self.ask(step, &shared.plan.searches[nth]).await.map(drop)
    }

    async fn recommendation(&mut self) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let nth = self.below(shared.plan.recommendations.len());
        self.ask(Some("recommendation"), &shared.plan.recommendations[nth]).await.map(drop)
    }

    async fn sign_in(&mut self) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        self.ask(Some("sign-in"), &shared.plan.sign_in).await.map(drop)
    }

    async fn hold(&mut self, step: Option<&'static str>) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let nth = self.below(shared.plan.holds.len());
        self.ask_keyed(step, &shared.plan.holds[nth]).await.map(drop)
    }

    /// Sends a POST under a key of its own.
    pub(super) async fn ask_keyed(
        &mut self,
        step: Option<&'static str>,
        request: &super::plan::Keyed,
    ) -> Result<Answer<'_>, Why> {
        self.key.1 += 1;
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        out.extend_from_slice(&request.bytes);
        let key = u128::from(self.key.0) << 64 | u128::from(self.key.1);
        write_hex(key, &mut out[request.key_at..request.key_at + KEY_DIGITS]);
        self.out = out;
        let request = std::mem::take(&mut self.out);
        let begun = Instant::now();
        let answered = self.connection.ask(&request).await;
        self.out = request;
        noted(&self.shared.window, &mut self.tally, step, begun, answered)
    }

    /// Sends a request, and notes a success under `step`.
    pub(super) async fn ask(
        &mut self,
        step: Option<&'static str>,
        request: &[u8],
    ) -> Result<Answer<'_>, Why> {
        let begun = Instant::now();
        let answered = self.connection.ask(request).await;
        noted(&self.shared.window, &mut self.tally, step, begun, answered)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.draw.below(bound)
    }
}

fn noted<'a>(
    window: &Window,
    tally: &mut Tally,
    step: Option<&'static str>,
    begun: Instant,
    answered: std::io::Result<Answer<'a>>,
) -> Result<Answer<'a>, Why> {
    let answer = answered.map_err(|error| error.kind().to_string())?;
    if !(200..300).contains(&answer.status) {
        return Err(kind_of_problem(answer));
    }
    tally.bodies += 1;
    tally.body_bytes += answer.body.len() as u64;
    if let Some(step) = step {
        let ended = Instant::now();
        if window.from <= ended && ended <= window.to {
            tally.steps.entry(step).or_default().note(ended - begun);
        }
    }
    Ok(answer)
}

fn kind_of_problem(answer: Answer<'_>) -> Why {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "type")]
        kind: Option<String>,
        /// Of OAuth's answers.
        error: Option<String>,
    }
    let problem = serde_json::from_slice::<Problem>(answer.body).ok();
    let kind = problem.and_then(|problem| problem.kind.or(problem.error));
    let last = kind.as_deref().and_then(|kind| kind.rsplit('/').next()).filter(|last| !last.is_empty());
    last.map_or_else(|| format!("status {}", answer.status), str::to_owned)
}

fn write_hex(mut value: u128, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

/// Marsaglia's xorshift64: good enough to choose what is asked, and nearly free.
struct Draw(u64);

impl Draw {
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
    fn failures_have_names() {
        let table = [
            (409, r#"{"type":"/problems/sold-out","status":409}"#, "sold-out"),
            (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
            (503, "", "status 503"),
            (500, r#"{"type":"/"}"#, "status 500"),
            (500, "<html>", "status 500"),
        ];
        for (status, body, expected) in table {
            assert_eq!(kind_of_problem(Answer { status, body: body.as_bytes() }), expected);
        }
    }

    #[test]
    fn keys_are_hexadecimal() {
        let mut digits = [0; 32];
        write_hex(0x0123_4567_89ab_cdef_0011, &mut digits);
        assert_eq!(&digits, b"0000000000000123456789abcdef0011".as_slice().first_chunk::<32>().unwrap());
    }

    #[test]
    fn numbers_are_spread() {
        let mut draw = Draw(7);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[draw.below(10)] += 1;
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
    }
}
