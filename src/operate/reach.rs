//! What is seen of other nodes and asked of them: everything here that depends on how nodes reach each other.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use edge::{ApiError, Problem};
use replica::{ClusterView, Node, ObservedNode, ReplicaStatus, Task, TaskError};

use super::check::CheckResult;
use super::checksums;
use super::inside::Inside;
use super::live::{Live, LiveNode, LiveReplica};
use super::problems;

/// How long a node may take to run the invariants of all that it has.
const CHECK_MAX: Duration = Duration::from_secs(25);
/// How long a row may take to be released.
const RELEASE_MAX: Duration = Duration::from_secs(10);
/// How long a replica may take to become the only voter of its group.
const REFOUND_MAX: Duration = Duration::from_secs(20);
/// Changes come in bursts: a reader is told of them together.
const BURST: Duration = Duration::from_millis(100);

impl Live {
    /// What this node knows of all; of a machine that is alone, what it is itself.
    pub fn seen_by(node: &Node, name: &str, http_address: &str, data: &Path) -> Self {
        let board: Arc<ClusterView> = Arc::clone(&node.cluster_view().borrow());
        let mut nodes: std::collections::BTreeMap<String, LiveNode> =
            board.nodes.iter().map(|(name, seen)| (name.clone(), LiveNode::from(seen))).collect();
        if board.nodes.is_empty() {
            let alone = LiveNode {
                up: true,
                http_address: http_address.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                disk_free_bytes: free_bytes(data),
                replicas: node.status().iter().map(LiveReplica::from).collect(),
                ..LiveNode::default()
            };
            nodes.insert(name.to_owned(), alone);
            // Its groups were made when there was no name to give their voter.
            for voters in
                nodes.values_mut().flat_map(|node| &mut node.replicas).map(|replica| &mut replica.voters)
            {
                voters.iter_mut().for_each(|(_, node)| name.clone_into(node));
            }
        }
        Self { here: name.to_owned(), nodes }
    }
}

fn free_bytes(data: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(data).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

impl From<&ObservedNode> for LiveNode {
    fn from(seen: &ObservedNode) -> Self {
        let Some(said) = &seen.status else { return Self { up: seen.live, ..Self::default() } };
        Self {
            up: seen.live,
            http_address: said.info.http_address.clone().unwrap_or_default(),
            link_address: Some(said.info.address.clone()),
            zone: said.info.zone.clone(),
            labels: said.info.labels.clone(),
            version: said.info.version.clone(),
            disk_free_bytes: Some(said.disk_free_bytes),
            replicas: said.replicas.iter().map(LiveReplica::from).collect(),
        }
    }
}

impl From<&ReplicaStatus> for LiveReplica {
    fn from(status: &ReplicaStatus) -> Self {
        let members = |members: &std::collections::BTreeMap<u64, String>| {
            members.iter().map(|(id, node)| (*id, node.clone())).collect()
        };
        let others = status.matched.keys();
        Self {
            group: status.group.clone(),
            id: status.id,
            leads: status.leader,
            term: status.term,
            voters: members(&status.voters),
            learners: members(&status.learners),
            applied: status.applied,
            behind: others.filter_map(|id| Some((*id, status.lag_of(*id)?))).collect(),
            bytes: status.bytes,
            busy: status.busy as u64,
            outbox: status.outbox as u64,
            parked: status.parked.clone(),
            effects_held: status.effects_held,
            quarantined: status.quarantined.clone(),
            restarts: status.restarts.into(),
            calls_per_second: status.calls_per_second.into(),
        }
    }
}

impl Inside {
    /// Returns soon after something has changed, and at the latest after this time.
    pub async fn changed_within(&self, pause: Duration) {
        let mut board = self.node.cluster_view();
        board.mark_unchanged();
        let changed = tokio::time::timeout(pause, board.changed()).await;
        match changed {
            Ok(Ok(())) => tokio::time::sleep(BURST).await,
            // A machine that is alone has nobody to hear from.
            Ok(Err(_)) => tokio::time::sleep(pause).await,
            Err(_) => {}
        }
    }

    /// Runs every invariant of every group, on every node that can be reached; those that cannot be are named.
    ///
    /// # Errors
    /// When that cannot be done.
    pub async fn check(&self) -> Result<CheckResult, ApiError> {
        if self.is_alone() {
            let node = Arc::clone(&self.node);
            let checked = tokio::task::spawn_blocking(move || (node.violations(), node.status().len())).await;
            let (violations, groups) = checked.map_err(|_| ApiError::unavailable(1))?;
            return Ok(CheckResult { violations, groups: groups as u32 });
        }
        let live = self.live();
        let checks = live.nodes.iter().map(|(name, seen)| async move {
            if !seen.up {
                return vec![format!("{name} cannot be reached: nothing of it was checked")];
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
        let groups: std::collections::BTreeSet<&str> = live
            .nodes
            .values()
            .flat_map(|node| &node.replicas)
            .map(|replica| replica.group.as_str())
            .collect();
        violations.extend(checksums::compare(&self.node, groups.iter().copied()).await);
        Ok(CheckResult { violations, groups: groups.len() as u32 })
    }

    /// Has a parked row tried again, or dropped, where its group is led.
    ///
    /// # Errors
    /// When the group is not available.
    pub async fn release(&self, group: &str, row: u64, again: bool) -> Result<(), ApiError> {
        if self.is_alone() {
            let released = self.node.release_row(group, row, again).await;
            return released.map_err(|away| ApiError::unavailable(away.retry_after_secs));
        }
        let task = Task::ReleaseRow { group: group.to_owned(), row, again };
        let released = self.node.task_at_leader(task, RELEASE_MAX).await;
        released.map(drop).map_err(|_| ApiError::unavailable(1))
    }

    /// Makes a node's replica the only voter of its group; brings its new raft id.
    ///
    /// # Errors
    /// When the node cannot be reached, has no replica, or refuses.
    pub async fn refound(&self, group: &str, node: &str) -> Result<u64, ApiError> {
        let task = Task::Recover { group: group.to_owned() };
        let done = self.node.task(node, task, REFOUND_MAX).await.map_err(|error| not_refounded(&error))?;
        done.id.ok_or_else(|| ApiError::unavailable(1))
    }
}

fn not_refounded(error: &TaskError) -> ApiError {
    match error {
        TaskError::Unreachable(_) => {
            Problem::new(&problems::NODE_DOWN).detail("The node cannot be reached.").into()
        }
        TaskError::NoReplica => Problem::new(&problems::WRONG_PLACE)
            .detail("The node has no replica of this group to found it from.")
            .into(),
        TaskError::Refused(why) => {
            Problem::new(&problems::NOT_LOST).detail(format!("The node refuses: {why}.")).into()
        }
        // It may have been done, or may still be: asking again is safe.
        TaskError::Timeout | TaskError::NotLeader(_) | TaskError::NotAllowed(_) => ApiError::unavailable(5),
    }
}
