//! When a failed attempt is repeated, and where. Callers see latency in place of failovers.

use std::time::Duration;

use protocol::ReadConsistency;
use tokio::time::Instant;

use super::failure::{Failure, Unavailable, Why};
use super::placement::{Placement, Target};

/// The pause after the first failed attempt. It doubles up to [`PAUSE_MAX`] and ends early when the placement changes.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// No pause is shorter, however often the placement changes.
const PAUSE_FLOOR: Duration = Duration::from_millis(1);
/// Attempts at another replica without a pause, at most: two replicas may name each other as the leader.
const HOPS_MAX: u32 = 2;
/// Attempts at a node to which too many calls are in progress, before the caller gets the failure.
const BUSY_MAX: u32 = 8;

/// Where the last attempt was made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LastTarget {
    None,
    Local,
    Remote(std::sync::Arc<str>),
}

impl LastTarget {
    fn of(target: &Result<Target, Unavailable>) -> Self {
        match target {
            Ok(Target::Local(_)) => Self::Local,
            Ok(Target::Remote(node)) => Self::Remote(std::sync::Arc::clone(node)),
            Err(_) => Self::None,
        }
    }
}

/// What follows a failed attempt.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// The caller gets the failure.
    Fail,
    /// Another attempt, at that node if one was named.
    Retry(Option<String>),
}

/// The attempts at one call. Has no cost until the first one fails.
pub(super) struct RetryPolicy<'a> {
    placement: &'a dyn Placement,
    service: &'a str,
    shard: u16,
    deadline: Instant,
    consistency: ReadConsistency,
    /// The call changes state: an attempt without a response may have been applied.
    writes: bool,
    /// An earlier attempt may have been applied.
    maybe_applied: bool,
    last: LastTarget,
    /// The number of replicas that were tried, nearest first.
    nth: usize,
    hint: Option<String>,
    hops: u32,
    pauses: u32,
    busy: u32,
    attempted: bool,
}

impl<'a> RetryPolicy<'a> {
    /// For a command or a delivery: at the leader.
    pub fn for_write(placement: &'a dyn Placement, service: &'a str, shard: u16, deadline: Instant) -> Self {
        Self { writes: true, ..Self::for_read(placement, service, shard, deadline, ReadConsistency::Leader) }
    }

    /// For a query.
    pub fn for_read(
        placement: &'a dyn Placement,
        service: &'a str,
        shard: u16,
        deadline: Instant,
        consistency: ReadConsistency,
    ) -> Self {
        Self {
            placement,
            service,
            shard,
            deadline,
            consistency,
            writes: false,
            maybe_applied: false,
            last: LastTarget::None,
            nth: 0,
            hint: None,
            hops: 0,
            pauses: 0,
            busy: 0,
            attempted: false,
        }
    }

    /// Whether an attempt was made before.
    pub fn is_repeat(&self) -> bool {
        self.attempted
    }

    /// Where the next attempt is to be made.
    pub fn target(&mut self) -> Result<Target, Unavailable> {
        let target = match self.hint.take() {
            Some(node) => self.placement.on_node(self.service, self.shard, &node),
            None => self.usual_target(),
        };
        self.last = LastTarget::of(&target);
        target
    }

    fn usual_target(&self) -> Result<Target, Unavailable> {
        match self.consistency {
            ReadConsistency::Leader => self.placement.leader(self.service, self.shard),
            ReadConsistency::BoundedStaleness => self.placement.nearby(self.service, self.shard, self.nth),
        }
    }

    /// Called after a failed attempt; returns when it is time for another.
    ///
    /// # Errors
    /// The failure for the caller, when there is no other attempt.
    pub async fn wait<R>(&mut self, failure: Failure<R>) -> Result<(), Failure<R>> {
        let decision = self.decide(&failure);
        self.attempted |= self.last != LastTarget::None;
        let Decision::Retry(hint) = decision else { return Err(self.for_caller(failure)) };
        // Registered first: later changes end the pause.
        let changed = self.placement.changed();
        if self.has_other_target(hint) && Instant::now() < self.deadline {
            return Ok(());
        }
        (self.hops, self.nth) = (0, 0);
        let pause = PAUSE_MIN.saturating_mul(1 << self.pauses.min(8)).min(PAUSE_MAX);
        self.pauses += 1;
        let pause = pause.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        let waiting = async {
            tokio::time::sleep(PAUSE_FLOOR).await;
            let _ = tokio::time::timeout(pause.saturating_sub(PAUSE_FLOOR), changed).await;
        };
        tokio::time::timeout_at(self.deadline, waiting).await.map_err(|_| self.for_caller(failure))
    }

    /// Whether there is another replica, where an attempt has not just failed.
    fn has_other_target(&mut self, hint: Option<String>) -> bool {
        match self.consistency {
            ReadConsistency::BoundedStaleness => {
                self.nth += 1;
                self.last != LastTarget::None
            }
            ReadConsistency::Leader if self.hops == HOPS_MAX => false,
            ReadConsistency::Leader => {
                self.hops += 1;
                let usual = LastTarget::of(&self.usual_target());
                let moved = usual != LastTarget::None && usual != self.last;
                // The placement is usually more recent than the hint of a replica that does not lead.
                if !moved {
                    self.hint = hint;
                }
                moved || self.hint.is_some()
            }
        }
    }

    fn decide<R>(&mut self, failure: &Failure<R>) -> Decision {
        let why = match failure {
            Failure::Refused(_)
            | Failure::Unauthenticated(_)
            | Failure::Forbidden(_)
            | Failure::KeyReused => return Decision::Fail,
            Failure::Unavailable(unavailable) => &unavailable.why,
        };
        match why {
            Why::Deadline | Why::NoService(_) => Decision::Fail,
            Why::NoLeader => Decision::Retry(None),
            Why::Elsewhere(node) => Decision::Retry(Some(node.clone())),
            Why::Unknown => {
                self.maybe_applied |= self.writes;
                Decision::Retry(None)
            }
            // Another replica may have a working disk, or a newer program.
            Why::Quarantined | Why::Store(_) if !self.placement.is_only_replica(self.service, self.shard) => {
                self.maybe_applied |= self.writes;
                Decision::Retry(None)
            }
            Why::Quarantined | Why::Store(_) => Decision::Fail,
            // "Overloaded" means that nothing was applied, which is not certain any more.
            Why::Overloaded | Why::TooManyKeys if self.maybe_applied => Decision::Retry(None),
            Why::Overloaded | Why::TooManyKeys => Decision::Fail,
            Why::Busy => {
                self.busy += 1;
                if self.busy > BUSY_MAX && !self.maybe_applied {
                    Decision::Fail
                } else {
                    Decision::Retry(None)
                }
            }
        }
    }

    /// Replaces reasons that are internal to the kernel.
    fn for_caller<R>(&self, failure: Failure<R>) -> Failure<R> {
        let Failure::Unavailable(Unavailable { why, retry_after_secs }) = failure else { return failure };
        let why = match why {
            _ if self.maybe_applied => Why::Deadline,
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
