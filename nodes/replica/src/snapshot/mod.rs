//! A consistent snapshot of all groups, whichever nodes lead them, taken and read while the cluster serves. Backups are
//! made of it.
//!
//! 1. The nodes that lead groups confirm with a majority that they do. Nothing is paused for that.
//! 2. Every reachable node pauses: its outboxes start no deliveries and no effects. The nodes are paused one after the
//!    other, in the order of their names: of two snapshots taken at the same time, the one that is further ahead
//!    continues, and the other one releases its pauses and retries.
//! 3. The deliveries in flight end.
//! 4. The nodes that lead groups block new proposals, wait for those in flight, confirm with a majority that they still
//!    lead, and pin the states as of the last entry.
//! 5. Each of them confirms that all this is still so. The last pin was taken before the first confirmation. Hence
//!    there was a point in time at which every pinned state was its group's current state: the snapshot is of that
//!    time.
//! 6. Everything resumes, and the pins are read.
//!
//! Pauses, blocks and pins have leases, so that everything resumes if the coordinator is lost. Otherwise the
//! coordinator ends them: on its own node immediately, on the others with retries until they respond or the lease is
//! over. If a leader is lost or changes before step 5 has completed, the attempt fails. If a node is lost afterwards,
//! its pins are lost, and reading the snapshot fails.

mod attempt;
mod coordinator;
mod node_steps;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::node::Node;
use crate::pins::PINS_MAX;
use attempt::AttemptError;
use coordinator::Coordinator;
use steps::{End, Step, StepOutput};

/// The service whose tokens authorize the steps.
const DIRECTORY: &str = "directory";
/// How long a part may take to be read and sent.
const PART_MAX: Duration = Duration::from_secs(30);
/// Leaders may change during an attempt. It is repeated up to this number.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
/// How long a snapshot waits while others are being taken. Longer than deliveries may take to end.
const QUEUE_MAX: Duration = Duration::from_secs(15);
const QUEUE_RETRY: Duration = Duration::from_millis(200);
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// With [`RENEW_EVERY`], well within the lease: a node that does not respond must not let the leases of others expire.
const RENEW_MAX: Duration = Duration::from_secs(5);

/// Why a snapshot cannot be taken or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A group has no leader that can be reached.
    #[error("{0} has no leader that can be reached")]
    NoLeader(String),
    /// Another snapshot was being taken for too long. It ends within 30 s in any case.
    #[error("another backup is being made")]
    InProgress,
    /// A node has the maximum number of pins.
    #[error("{PINS_MAX} other backups are being read")]
    TooMany,
    /// Any other reason.
    #[error("{0}")]
    Failed(String),
}

/// The pinned states of groups, all as of the same time. Dropping it releases the pins.
pub struct ClusterSnapshot {
    coordinator: Arc<Coordinator>,
    groups: BTreeMap<String, Pinned>,
    renewing: JoinHandle<()>,
}

/// Where a group's state is pinned.
struct Pinned {
    node: String,
    log_index: u64,
}

impl std::fmt::Debug for ClusterSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClusterSnapshot of {} groups", self.groups.len())
    }
}

impl ClusterSnapshot {
    /// Renews the leases of its pins until it is dropped.
    fn new(coordinator: Arc<Coordinator>, groups: BTreeMap<String, Pinned>) -> Self {
        let nodes = nodes_of(&groups);
        let renewer = Arc::clone(&coordinator);
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                renewer.renew(&nodes, RENEW_MAX).await;
            }
        });
        Self { coordinator, groups, renewing }
    }

    /// Each group, and the index of the last log entry applied to its state.
    pub fn groups(&self) -> BTreeMap<String, u64> {
        self.groups.iter().map(|(group, pinned)| (group.clone(), pinned.log_index)).collect()
    }

    /// The next bytes of a group's state, in the format that [`store::RowReader`] reads: those from `at` on, where the
    /// previous part ended. Empty at the end. Each group can be read once, from its beginning to its end.
    ///
    /// # Errors
    /// When the node that has the pin is lost, or has released it.
    pub async fn read(&self, group: &str, at: u64) -> Result<Vec<u8>, SnapshotError> {
        let failed = |why: String| SnapshotError::Failed(format!("{group}: {why}"));
        let pinned =
            self.groups.get(group).ok_or_else(|| failed("the snapshot has no such group".to_owned()))?;
        let step = Step::Read { group: group.to_owned(), at };
        match self.coordinator.step(&pinned.node, step, PART_MAX).await {
            Ok(StepOutput::Part(bytes)) => Ok(bytes),
            Ok(StepOutput::Done | StepOutput::Pinned(_)) => Err(failed(WRONG_OUTPUT.to_owned())),
            Err(why) => Err(failed(why.to_string())),
        }
    }
}

const WRONG_OUTPUT: &str = "the node's response belongs to another step";

fn nodes_of(groups: &BTreeMap<String, Pinned>) -> BTreeSet<String> {
    groups.values().map(|pinned| pinned.node.clone()).collect()
}

impl Drop for ClusterSnapshot {
    fn drop(&mut self) {
        self.renewing.abort();
        // The tasks for other nodes continue by themselves.
        drop(self.coordinator.end(&nodes_of(&self.groups), End::Release));
    }
}

impl Node {
    /// Takes a snapshot of these groups. Runs to its end, also when the caller stops waiting. While another snapshot is
    /// being taken, waits for at most 15 s.
    ///
    /// # Errors
    /// When a group has no leader, other snapshots take too long, deliveries do not end, or leaders change repeatedly.
    pub async fn take_snapshot(
        self: &Arc<Self>,
        groups: Vec<String>,
    ) -> Result<ClusterSnapshot, SnapshotError> {
        let node = Arc::clone(self);
        let taking = tokio::spawn(async move { node.attempts(&groups).await });
        taking.await.unwrap_or_else(|_| Err(SnapshotError::Failed("taking the snapshot panicked".to_owned())))
    }

    async fn attempts(self: &Arc<Self>, groups: &[String]) -> Result<ClusterSnapshot, SnapshotError> {
        let queued_until = Instant::now() + QUEUE_MAX;
        let mut attempt = 1;
        loop {
            let (why, pause) = match self.attempt(groups).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(AttemptError::Busy(why)) if Instant::now() < queued_until => (why, QUEUE_RETRY),
                Err(AttemptError::Transient(why)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    (why, BETWEEN_ATTEMPTS)
                }
                // After the loss of a node, a group without a leader is the more useful reason.
                Err(AttemptError::Transient(why)) => {
                    return Err(self.leaders(groups).await.err().unwrap_or(why));
                }
                Err(AttemptError::Permanent(why) | AttemptError::Busy(why)) => return Err(why),
            };
            tracing::info!(attempt, %why, "taking a cluster snapshot failed, retrying");
            tokio::time::sleep(jittered(pause)).await;
        }
    }
}

/// The pause, shortened or extended by up to half, so that concurrent attempts do not meet repeatedly.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..1.5))
}
