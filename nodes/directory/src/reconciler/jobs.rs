//! Jobs that the reconciler starts: each runs in its own task, at most once at a time, and backs off after a failure.

use std::collections::{BTreeMap, BTreeSet};

use group::StartMode;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout};

use super::Context;
use super::execute::execute;
use super::records::{call, message};
use crate::contract::RecordGroupBootstrapped;
use crate::records::MoveId;

/// Timeout of a job that is not a move.
const JOB_MAX: Duration = Duration::from_secs(30);

/// A unit of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// Execute a move to its end.
    Move(MoveId),
    /// Open the first replica of a group on a node.
    Bootstrap(String, String),
    /// Delete a stale replica from a node.
    Drop(String, String, u64),
    /// Transfer a group's leadership to a replica.
    Lead(String, u64),
    /// Send a node the fingerprints of all denied certificates.
    Deny(String, Vec<String>),
}

/// Every n-th consecutive failure of a job is logged as a warning.
const FAILURES_PER_WARNING: u32 = 3;
/// Jobs whose consecutive failures are counted, at most.
const FAILURES_MAX: usize = 1_000;

/// The kind of a job, for limits per kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Move,
    Bootstrap,
    Drop,
    Lead,
    Deny,
}

impl Job {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Move(_) => Kind::Move,
            Self::Bootstrap(..) => Kind::Bootstrap,
            Self::Drop(..) => Kind::Drop,
            Self::Lead(..) => Kind::Lead,
            Self::Deny(..) => Kind::Deny,
        }
    }

    async fn run(&self, context: &Context) -> Result<(), String> {
        let nodes = &context.nodes;
        match self {
            Self::Move(id) => execute(context, *id).await,
            Self::Bootstrap(group, node) => {
                let replica =
                    nodes.open(node, group, StartMode::Bootstrap).await.map_err(|why| why.to_string())?;
                let placed = RecordGroupBootstrapped { group: group.clone(), node: node.clone(), replica };
                call(&*context.records, placed).await.map_err(message)
            }
            Self::Drop(node, group, replica) => {
                nodes.drop_replica(node, group, *replica).await.map_err(|why| why.to_string())
            }
            Self::Lead(group, to) => nodes.transfer(group, *to).await.map_err(|why| why.to_string()),
            Self::Deny(node, all) => nodes.deny(node, all).await.map_err(|why| why.to_string()),
        }
    }
}

/// Running jobs, and jobs that back off after a failure. Dropping it aborts the running ones.
#[derive(Default)]
pub(super) struct Jobs {
    tasks: JoinSet<(Job, Result<(), String>)>,
    running: BTreeSet<Job>,
    backoff: BTreeMap<Job, Instant>,
    /// Consecutive failures.
    failures: BTreeMap<Job, u32>,
}

impl Jobs {
    /// How many jobs of a kind are running.
    pub fn count(&self, kind: Kind) -> usize {
        self.running.iter().filter(|job| job.kind() == kind).count()
    }

    /// Starts a job, unless it is running or backing off.
    pub fn start(&mut self, context: &Context, job: Job) {
        let now = Instant::now();
        self.backoff.retain(|_, until| *until > now);
        if self.running.contains(&job) || self.backoff.contains_key(&job) {
            return;
        }
        self.running.insert(job.clone());
        let context = context.clone();
        self.tasks.spawn(async move {
            let result = match job.kind() {
                // A move has no timeout as a whole; each of its steps has one.
                Kind::Move => job.run(&context).await,
                Kind::Bootstrap | Kind::Drop | Kind::Lead | Kind::Deny => {
                    let run = timeout(JOB_MAX, job.run(&context)).await;
                    run.unwrap_or_else(|_| Err("timed out".to_owned()))
                }
            };
            (job, result)
        });
    }

    /// Returns when a job has ended, with whether it succeeded. Waits forever while none is running.
    pub async fn next_finished(&mut self, context: &Context) -> (Job, bool) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok((job, result))) => return self.finished(context, job, result),
                Some(Err(error)) => tracing::error!(%error, "reconciler job panicked"),
                None => {
                    self.running.clear();
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Jobs that have ended, without waiting.
    pub fn collect_finished(&mut self, context: &Context) -> Vec<(Job, bool)> {
        let mut finished = Vec::new();
        while let Some(joined) = self.tasks.try_join_next() {
            match joined {
                Ok((job, result)) => finished.push(self.finished(context, job, result)),
                Err(error) => tracing::error!(%error, "reconciler job panicked"),
            }
        }
        if self.tasks.is_empty() {
            self.running.clear();
        }
        finished
    }

    fn finished(&mut self, context: &Context, job: Job, result: Result<(), String>) -> (Job, bool) {
        self.running.remove(&job);
        if let Job::Move(id) = &job {
            context.progress.forget(*id);
        }
        let succeeded = result.is_ok();
        match result {
            Ok(()) => drop(self.failures.remove(&job)),
            Err(why) => self.failed(&job, &why),
        }
        // Also after success: the effect shows in the observed state only after a delay.
        if !succeeded || job.kind() != Kind::Move {
            self.backoff.insert(job.clone(), Instant::now() + context.options.retry_after);
        }
        (job, succeeded)
    }

    /// The first failures are expected: a node that has just started has no keys yet, or knows no leader.
    fn failed(&mut self, job: &Job, why: &str) {
        let failures = self.failures.entry(job.clone()).or_default();
        *failures += 1;
        if failures.is_multiple_of(FAILURES_PER_WARNING) {
            tracing::warn!(?job, why, failures = *failures, "job failed; retrying");
        } else {
            tracing::debug!(?job, why, "job failed; retrying");
        }
        // Bounds the memory for jobs that are never retried.
        if self.failures.len() > FAILURES_MAX {
            self.failures.clear();
        }
    }
}
