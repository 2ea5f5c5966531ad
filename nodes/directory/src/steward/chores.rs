//! What the steward does beside looking: each in a task of its own, none twice at a time, and after a failure not at once
//! again.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout};

use super::Means;
use super::perform::perform;
use super::records::words;
use crate::contract::Command;
use crate::hands::Start;
use crate::records::MoveId;

/// The longest that a chore other than a move may take.
const CHORE_MAX: Duration = Duration::from_secs(30);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chore {
    /// Perform a move.
    Move(MoveId),
    /// Found a group on a node.
    Found(String, String),
    /// Delete a stale replica from a node.
    Drop(String, String, u64),
    /// Let another replica lead a group.
    Lead(String, u64),
    /// Tell a node which certificates are denied: all of so many.
    Deny(String, Vec<String>),
}

/// Each so many failures running are told of.
const FAILURES_TOLD: u32 = 3;
/// Chores whose failures are counted.
const FAILURES_MAX: usize = 1_000;

/// Kinds, to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Move,
    Found,
    Drop,
    Lead,
    Deny,
}

impl Chore {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Move(_) => Kind::Move,
            Self::Found(..) => Kind::Found,
            Self::Drop(..) => Kind::Drop,
            Self::Lead(..) => Kind::Lead,
            Self::Deny(..) => Kind::Deny,
        }
    }

    async fn run(&self, means: &Means) -> Result<(), String> {
        let hands = &means.hands;
        match self {
            Self::Move(id) => perform(means, *id).await,
            Self::Found(group, node) => {
                let replica = hands.open(node, group, Start::Found).await.map_err(|why| why.to_string())?;
                let placed = Command::Placed { group: group.clone(), node: node.clone(), replica };
                means.records.command(placed).await.map(drop).map_err(words)
            }
            Self::Drop(node, group, replica) => {
                hands.drop_replica(node, group, *replica).await.map_err(|why| why.to_string())
            }
            Self::Lead(group, to) => hands.transfer(group, *to).await.map_err(|why| why.to_string()),
            Self::Deny(node, all) => hands.deny(node, all).await.map_err(|why| why.to_string()),
        }
    }
}

/// Chores under way, and those that rest after a failure. Dropping it stops them.
#[derive(Default)]
pub(super) struct Chores {
    jobs: JoinSet<(Chore, Result<(), String>)>,
    busy: BTreeSet<Chore>,
    rests: BTreeMap<Chore, Instant>,
    /// How often running they have failed.
    failures: BTreeMap<Chore, u32>,
}

impl Chores {
    /// How many of a kind are under way.
    pub fn count(&self, kind: Kind) -> usize {
        self.busy.iter().filter(|chore| chore.kind() == kind).count()
    }

    /// Begins a chore, unless it is under way or rests.
    pub fn begin(&mut self, means: &Means, chore: Chore) {
        let now = Instant::now();
        self.rests.retain(|_, until| *until > now);
        if self.busy.contains(&chore) || self.rests.contains_key(&chore) {
            return;
        }
        self.busy.insert(chore.clone());
        let means = means.clone();
        self.jobs.spawn(async move {
            let result = match chore.kind() {
                // A move takes as long as it takes; it minds its own steps.
                Kind::Move => chore.run(&means).await,
                Kind::Found | Kind::Drop | Kind::Lead | Kind::Deny => {
                    let run = timeout(CHORE_MAX, chore.run(&means)).await;
                    run.unwrap_or_else(|_| Err("it takes too long".to_owned()))
                }
            };
            (chore, result)
        });
    }

    /// Returns when a chore is over; never while none is under way.
    pub async fn done(&mut self, means: &Means) -> (Chore, bool) {
        loop {
            match self.jobs.join_next().await {
                Some(Ok((chore, result))) => return self.over(means, chore, result),
                // A panic is a mistake that the next look may meet again, after a rest.
                Some(Err(error)) => tracing::error!(%error, "a chore of the steward failed"),
                None => {
                    self.busy.clear();
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Those that are over already.
    pub fn reap(&mut self, means: &Means) -> Vec<(Chore, bool)> {
        let mut over = Vec::new();
        while let Some(joined) = self.jobs.try_join_next() {
            match joined {
                Ok((chore, result)) => over.push(self.over(means, chore, result)),
                Err(error) => tracing::error!(%error, "a chore of the steward failed"),
            }
        }
        if self.jobs.is_empty() {
            self.busy.clear();
        }
        over
    }

    fn over(&mut self, means: &Means, chore: Chore, result: Result<(), String>) -> (Chore, bool) {
        self.busy.remove(&chore);
        if let Chore::Move(id) = &chore {
            means.tracks.forget(*id);
        }
        let well = result.is_ok();
        match result {
            Ok(()) => drop(self.failures.remove(&chore)),
            Err(why) => self.failed(&chore, &why),
        }
        // What was asked for is seen a moment later: asking again at once would be for nothing.
        if !well || chore.kind() != Kind::Move {
            self.rests.insert(chore.clone(), Instant::now() + means.pace.retry);
        }
        (chore, well)
    }

    /// The first attempts may come too early: a node that has just started has heard of no keys yet, or of no leader.
    fn failed(&mut self, chore: &Chore, why: &str) {
        let failures = self.failures.entry(chore.clone()).or_default();
        *failures += 1;
        if failures.is_multiple_of(FAILURES_TOLD) {
            tracing::warn!(?chore, why, failures = *failures, "not done yet");
        } else {
            tracing::debug!(?chore, why, "not done yet");
        }
        // What is never tried again is not remembered for ever.
        if self.failures.len() > FAILURES_MAX {
            self.failures.clear();
        }
    }
}
