//! Tasks that are run on this node and on other nodes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster_model::CheckResult;
use edge::{ApiError, Problem};
use replica::{Task, TaskError};

use crate::checksums;
use crate::context::Context;
use crate::problems;

/// Timeout for checking the invariants of all groups of a node.
const CHECK_MAX: Duration = Duration::from_secs(25);
/// Timeout for releasing a row.
const RELEASE_MAX: Duration = Duration::from_secs(10);
/// Timeout for making a replica the only voter of its group.
const RECOVER_MAX: Duration = Duration::from_secs(20);
/// Changes come in bursts: events of a burst are sent together.
const BURST: Duration = Duration::from_millis(100);

impl Context {
    /// Returns shortly after a change, and after `pause` at the latest.
    pub async fn changed_within(&self, pause: Duration) {
        let mut view = self.node.cluster_view();
        view.mark_unchanged();
        let changed = tokio::time::timeout(pause, view.changed()).await;
        match changed {
            Ok(Ok(())) => tokio::time::sleep(BURST).await,
            // A single node receives no status of other nodes.
            Ok(Err(_)) => tokio::time::sleep(pause).await,
            Err(_) => {}
        }
    }

    /// Checks every invariant of every group on every reachable node; unreachable nodes are listed as violations.
    ///
    /// # Errors
    /// When the check cannot be run.
    pub async fn check(&self) -> Result<CheckResult, ApiError> {
        if self.is_single_node() {
            let node = Arc::clone(&self.node);
            let checked = tokio::task::spawn_blocking(move || (node.violations(), node.status().len())).await;
            let (violations, groups) = checked.map_err(|_| ApiError::unavailable(1))?;
            return Ok(CheckResult { violations, groups: groups as u32 });
        }
        let view = self.local_view();
        let checks = view.nodes.iter().map(|(name, node)| async move {
            if !node.live {
                return vec![format!("{name} cannot be reached: it was not checked")];
            }
            match self.node.task(name, Task::CheckInvariants, CHECK_MAX).await {
                Ok(done) => {
                    done.violations.into_iter().map(|violation| format!("{name}: {violation}")).collect()
                }
                Err(why) => vec![format!("{name} was not checked: {why}")],
            }
        });
        let mut violations: Vec<String> =
            futures::future::join_all(checks).await.into_iter().flatten().collect();
        let groups: BTreeSet<&str> = view.groups().collect();
        violations.extend(checksums::compare(&self.node, groups.iter().copied()).await);
        Ok(CheckResult { violations, groups: groups.len() as u32 })
    }

    /// Retries or drops a parked row, on the group's leader.
    ///
    /// # Errors
    /// When the group is not available.
    pub async fn release(&self, group: &str, row: u64, again: bool) -> Result<(), ApiError> {
        if self.is_single_node() {
            let released = self.node.release_row(group, row, again).await;
            return released.map_err(|away| ApiError::unavailable(away.retry_after_secs));
        }
        let task = Task::ReleaseRow { group: group.to_owned(), row, again };
        let released = self.node.task_at_leader(task, RELEASE_MAX).await;
        released.map(drop).map_err(|_| ApiError::unavailable(1))
    }

    /// Makes a node's replica the only voter of its group; returns its new raft id.
    ///
    /// # Errors
    /// When the node cannot be reached, has no replica, or refuses.
    pub async fn recover(&self, group: &str, node: &str) -> Result<u64, ApiError> {
        let task = Task::Recover { group: group.to_owned() };
        let done = self.node.task(node, task, RECOVER_MAX).await.map_err(|error| recovery_failed(&error))?;
        done.id.ok_or_else(|| ApiError::unavailable(1))
    }
}

fn recovery_failed(error: &TaskError) -> ApiError {
    match error {
        TaskError::Unreachable(_) => {
            Problem::new(&problems::NODE_DOWN).detail("The node cannot be reached.").into()
        }
        TaskError::NoReplica => Problem::new(&problems::WRONG_PLACE)
            .detail("The node has no replica of this group to recover from.")
            .into(),
        TaskError::Refused(why) => {
            Problem::new(&problems::NOT_LOST).detail(format!("The node refuses: {why}.")).into()
        }
        // The task may have been done, or still be running: retrying is safe.
        TaskError::Timeout | TaskError::NotLeader(_) | TaskError::NotAllowed(_) => ApiError::unavailable(5),
    }
}
