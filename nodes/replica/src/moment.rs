//! One moment of all groups, wherever they are led, to be read while the cluster goes on: what a backup is made of.
//!
//! 1. The nodes that lead groups say, heard from a majority, that they do. Nothing is held up for that.
//! 2. Every node that can be reached pauses: no outbox begins a delivery or an effect. They are asked one after the
//!    other, in the order of their names: of two backups that are begun at once, the one that is further has its way,
//!    and the other one lets go and waits for its turn.
//! 3. Deliveries under way end.
//! 4. The nodes that lead groups take nothing into them any more, wait for what was proposed, hear from a majority that
//!    they still lead, and pin the states as of the last entry.
//! 5. Each of them confirms that all this still holds. Since the last pin was taken before the first confirmation, there
//!    was a moment at which every pinned state was its group's present one: that is the moment.
//! 6. Everything goes on, and the pins are read.
//!
//! Pauses, closed groups and pins have leases: when whoever asked for them is gone, all goes on by itself. Whoever is
//! still there lets go of them, here at once, elsewhere again and again until it is heard or the lease is over. A leader
//! that is lost or changes before the confirmation makes the attempt fail; one that is lost afterwards takes its pins
//! with it, and reading ends with an error.

mod asking;
mod attempt;
mod hold;
mod reading;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::node::Node;
use asking::Asking;
use attempt::Obstacle;
pub(crate) use hold::Holds;
use hold::READ_MAX;
use steps::{Over, Said, Step};

/// The service whose word counts.
pub(super) const DIRECTORY: &str = "directory";
/// How long a part may take to be read and sent.
const PART_MAX: Duration = Duration::from_secs(30);
/// Leaders change now and then: so often it is tried.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
/// How long a backup waits for others to be fixed. Longer than deliveries may take to end.
const TURN_MAX: Duration = Duration::from_secs(15);
const LOOK_FOR_TURN_EVERY: Duration = Duration::from_millis(200);
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// With [`KEEP_EVERY`], well within the lease of a pin: one node that does not answer must not cost others theirs.
const KEEP_MAX: Duration = Duration::from_secs(5);

/// Why there is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// A group cannot be asked what its state is.
    #[error("{0} has no leader that can be reached")]
    NoLeader(String),
    /// Another one is being fixed, and was not in good time. Its turn is over within half a minute, whatever becomes of it.
    #[error("another backup is being made")]
    Another,
    /// A node has pinned as many as it may.
    #[error("{READ_MAX} other backups are being read")]
    Full,
    /// Something is in the way.
    #[error("{0}")]
    Failed(String),
}

/// See the module. Let go of when it is dropped.
pub struct Moment {
    asking: Arc<Asking>,
    groups: BTreeMap<String, Pinned>,
    keeping: JoinHandle<()>,
}

/// Where a group's state is held.
struct Pinned {
    node: String,
    log_index: u64,
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Moment of {} groups", self.groups.len())
    }
}

impl Moment {
    /// Has its pins kept until it is dropped.
    fn new(asking: Arc<Asking>, groups: BTreeMap<String, Pinned>) -> Self {
        let holders = holders(&groups);
        let kept = Arc::clone(&asking);
        let keeping = tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEEP_EVERY).await;
                kept.keep(&holders, KEEP_MAX).await;
            }
        });
        Self { asking, groups, keeping }
    }

    /// Each group, and the number of the last log entry that is in its state.
    pub fn groups(&self) -> BTreeMap<String, u64> {
        self.groups.iter().map(|(group, pinned)| (group.clone(), pinned.log_index)).collect()
    }

    /// The next bytes of a group's state, as [`store::RowReader`] reads them: those from `at` on, where the last ones ended.
    /// Empty at the end. Each group is read once, from its beginning to its end.
    ///
    /// # Errors
    /// When the node that holds it is lost, or has let go of it.
    pub async fn read(&self, group: &str, at: u64) -> Result<Vec<u8>, MomentError> {
        let failed = |why: String| MomentError::Failed(format!("{group}: {why}"));
        let pinned = self.groups.get(group).ok_or_else(|| failed("no such group".to_owned()))?;
        let step = Step::Read { group: group.to_owned(), at };
        match self.asking.step(&pinned.node, step, PART_MAX).await {
            Ok(Said::Part(bytes)) => Ok(bytes),
            Ok(Said::Done | Said::Fixed(_)) => Err(failed("an answer to another question".to_owned())),
            Err(why) => Err(failed(why.to_string())),
        }
    }
}

fn holders(groups: &BTreeMap<String, Pinned>) -> BTreeSet<String> {
    groups.values().map(|pinned| pinned.node.clone()).collect()
}

impl Drop for Moment {
    fn drop(&mut self) {
        self.keeping.abort();
        // They go on by themselves: nobody has to wait.
        drop(self.asking.end(&holders(&self.groups), Over::Released));
    }
}

impl Node {
    /// Fixes one moment of these groups. To its end, also when nobody waits for it any more. While another one is being
    /// fixed it waits for its turn, 15 s at most.
    ///
    /// # Errors
    /// When a group has no leader, other backups are in the way, deliveries do not end, or leaders change again and again.
    pub async fn fix_moment(self: &Arc<Self>, groups: Vec<String>) -> Result<Moment, MomentError> {
        let node = Arc::clone(self);
        let fixing = tokio::spawn(async move { node.attempts(&groups).await });
        fixing.await.unwrap_or_else(|_| Err(MomentError::Failed("it failed".to_owned())))
    }

    async fn attempts(self: &Arc<Self>, groups: &[String]) -> Result<Moment, MomentError> {
        let turn_until = Instant::now() + TURN_MAX;
        let mut attempt = 1;
        loop {
            let (why, pause) = match self.attempt(groups).await {
                Ok(moment) => return Ok(moment),
                Err(Obstacle::Turn(why)) if Instant::now() < turn_until => (why, LOOK_FOR_TURN_EVERY),
                Err(Obstacle::Passing(why)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    (why, BETWEEN_ATTEMPTS)
                }
                // A node that is lost takes leaders with it: what is missing then says more than what went wrong.
                Err(Obstacle::Passing(why)) => return Err(self.leaders(groups).await.err().unwrap_or(why)),
                Err(Obstacle::Lasting(why) | Obstacle::Turn(why)) => return Err(why),
            };
            tracing::info!(attempt, %why, "no moment of all groups yet");
            tokio::time::sleep(about(pause)).await;
        }
    }
}

/// Half of it more or less: who met once should not meet again and again.
fn about(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..1.5))
}
