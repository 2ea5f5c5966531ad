//! What is done when an attempt fails: answer, look elsewhere, or wait a little. Callers see latency, not failovers.

use std::time::Duration;

use protocol::ReadConsistency;
use tokio::time::Instant;

use super::failure::{Failure, Unavailable, Why};
use super::placement::{Placement, Way};

/// The pause after the first attempt that failed; it doubles, up to [`PAUSE_MAX`], and ends early when ways change.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// No pause is shorter, however often ways change.
const PAUSE_LEAST: Duration = Duration::from_millis(1);
/// So often an attempt is made elsewhere at once before there is a pause: leaders that name each other end in one.
const HOPS_MAX: u32 = 2;
/// So often a way that is full is tried again before the caller hears of it.
const BUSY_MAX: u32 = 8;

/// Where an attempt was made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Spot {
    Nowhere,
    Here,
    There(std::sync::Arc<str>),
}

impl Spot {
    fn of(way: &Result<Way, Unavailable>) -> Self {
        match way {
            Ok(Way::Here(_)) => Self::Here,
            Ok(Way::There(node)) => Self::There(std::sync::Arc::clone(node)),
            Err(_) => Self::Nowhere,
        }
    }
}

/// What a failed attempt asks for.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// That the caller hears of it.
    Answer,
    /// Another attempt, at that node if one was named.
    Again(Option<String>),
}

/// The attempts at one call. Costs nothing until the first one fails.
pub(super) struct Tries<'a> {
    placement: &'a dyn Placement,
    service: &'a str,
    shard: u16,
    deadline: Instant,
    reach: ReadConsistency,
    /// Whether an attempt without an answer may have changed something.
    writes: bool,
    /// One of them may have.
    perhaps_done: bool,
    spot: Spot,
    /// How many replicas were asked, nearest first.
    nth: usize,
    hint: Option<String>,
    hops: u32,
    pauses: u32,
    busy: u32,
    made: bool,
}

impl<'a> Tries<'a> {
    /// For a command or a delivery: at the leader.
    pub fn to_write(placement: &'a dyn Placement, service: &'a str, shard: u16, deadline: Instant) -> Self {
        Self { writes: true, ..Self::to_read(placement, service, shard, deadline, ReadConsistency::Leader) }
    }

    /// For a query.
    pub fn to_read(
        placement: &'a dyn Placement,
        service: &'a str,
        shard: u16,
        deadline: Instant,
        reach: ReadConsistency,
    ) -> Self {
        Self {
            placement,
            service,
            shard,
            deadline,
            reach,
            writes: false,
            perhaps_done: false,
            spot: Spot::Nowhere,
            nth: 0,
            hint: None,
            hops: 0,
            pauses: 0,
            busy: 0,
            made: false,
        }
    }

    /// Whether an attempt was made before.
    pub fn repeat(&self) -> bool {
        self.made
    }

    /// Where the next attempt is to be made.
    pub fn way(&mut self) -> Result<Way, Unavailable> {
        let way = match self.hint.take() {
            Some(node) => self.placement.at(self.service, self.shard, &node),
            None => self.usual_way(),
        };
        self.spot = Spot::of(&way);
        way
    }

    fn usual_way(&self) -> Result<Way, Unavailable> {
        match self.reach {
            ReadConsistency::Leader => self.placement.leader(self.service, self.shard),
            ReadConsistency::BoundedStaleness => self.placement.nearby(self.service, self.shard, self.nth),
        }
    }

    /// An attempt failed. Returns when it is time for another.
    ///
    /// # Errors
    /// What the caller is to hear.
    pub async fn after<R>(&mut self, failure: Failure<R>) -> Result<(), Failure<R>> {
        let next = self.judge(&failure);
        self.made |= self.spot != Spot::Nowhere;
        let Next::Again(hint) = next else { return Err(self.told(failure)) };
        // From now on no change is missed.
        let changed = self.placement.changed();
        if self.goes_on_at_once(hint) && Instant::now() < self.deadline {
            return Ok(());
        }
        (self.hops, self.nth) = (0, 0);
        let pause = PAUSE_MIN.saturating_mul(1 << self.pauses.min(8)).min(PAUSE_MAX);
        self.pauses += 1;
        let pause = pause.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        let waiting = async {
            tokio::time::sleep(PAUSE_LEAST).await;
            let _ = tokio::time::timeout(pause.saturating_sub(PAUSE_LEAST), changed).await;
        };
        tokio::time::timeout_at(self.deadline, waiting).await.map_err(|_| self.told(failure))
    }

    /// Whether there is another place where an attempt has not just failed.
    fn goes_on_at_once(&mut self, hint: Option<String>) -> bool {
        match self.reach {
            ReadConsistency::BoundedStaleness => {
                self.nth += 1;
                self.spot != Spot::Nowhere
            }
            ReadConsistency::Leader if self.hops == HOPS_MAX => false,
            ReadConsistency::Leader => {
                self.hops += 1;
                let usual = Spot::of(&self.usual_way());
                let moved = usual != Spot::Nowhere && usual != self.spot;
                // What is announced is as a rule newer than what a replica has heard that does not lead.
                if !moved {
                    self.hint = hint;
                }
                moved || self.hint.is_some()
            }
        }
    }

    fn judge<R>(&mut self, failure: &Failure<R>) -> Next {
        let why = match failure {
            Failure::Refused(_)
            | Failure::Unauthenticated(_)
            | Failure::Forbidden(_)
            | Failure::KeyReused => return Next::Answer,
            Failure::Unavailable(unavailable) => &unavailable.why,
        };
        match why {
            Why::Deadline | Why::NoService(_) => Next::Answer,
            Why::NoLeader => Next::Again(None),
            Why::Elsewhere(node) => Next::Again(Some(node.clone())),
            Why::Unknown => {
                self.perhaps_done |= self.writes;
                Next::Again(None)
            }
            // Another replica may have a better disk, or a newer program.
            Why::Quarantined | Why::Store(_) if !self.placement.alone(self.service, self.shard) => {
                self.perhaps_done |= self.writes;
                Next::Again(None)
            }
            Why::Quarantined | Why::Store(_) => Next::Answer,
            // Who has no room now shall not turn what may be done already into something that was not.
            Why::Overloaded | Why::TooManyKeys if self.perhaps_done => Next::Again(None),
            Why::Overloaded | Why::TooManyKeys => Next::Answer,
            Why::Busy => {
                self.busy += 1;
                if self.busy > BUSY_MAX && !self.perhaps_done { Next::Answer } else { Next::Again(None) }
            }
        }
    }

    /// A failure in the words for callers.
    fn told<R>(&self, failure: Failure<R>) -> Failure<R> {
        let Failure::Unavailable(Unavailable { why, retry_after_secs }) = failure else { return failure };
        let why = match why {
            _ if self.perhaps_done => Why::Deadline,
            Why::Elsewhere(_) | Why::Unknown => Why::NoLeader,
            Why::Busy => Why::Overloaded,
            why @ (Why::Overloaded
            | Why::NoLeader
            | Why::Deadline
            | Why::Quarantined
            | Why::Store(_)
            | Why::NoService(_)
            | Why::TooManyKeys) => why,
        };
        Unavailable { why, retry_after_secs }.into()
    }
}
