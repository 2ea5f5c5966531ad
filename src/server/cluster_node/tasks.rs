//! The reconciler's client: reads the status of nodes, and runs tasks on them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use directory::{NodeClient, NodeError, NodeProfile, Observed, ObservedNode};
use futures::future::BoxFuture;
use replica::{ClusterView, Node, NodeStatus, StartMode, Task, TaskError, TaskOutput};

/// Timeout of a task on a node.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a change of voters, which waits for a majority of the old voters and of the new.
const CHANGE_MAX: Duration = Duration::from_secs(20);
/// Longest interval between two looks at the nodes.
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(1);

pub struct Tasks {
    node: Arc<Node>,
}

impl Tasks {
    pub fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    async fn run(&self, node: &str, task: Task) -> Result<TaskOutput, NodeError> {
        let group = task.group().unwrap_or_default().to_owned();
        let timeout = timeout(&task);
        self.node.task(node, task, timeout).await.map_err(|error| node_error(error, node, &group))
    }

    /// Runs a task that changes a group's membership, on the group's leader.
    async fn run_on_leader(&self, group: &str, task: Task) -> Result<(), NodeError> {
        let timeout = timeout(&task);
        match self.node.task_at_leader(task, timeout).await {
            Ok(_) => Ok(()),
            Err(error) => Err(node_error(error, "the leader", group)),
        }
    }

    fn cluster_view(&self) -> Arc<ClusterView> {
        Arc::clone(&self.node.cluster_view().borrow())
    }
}

fn timeout(task: &Task) -> Duration {
    if matches!(task, Task::ChangeVoters { .. }) { CHANGE_MAX } else { TIMEOUT }
}

fn node_error(error: TaskError, node: &str, group: &str) -> NodeError {
    match error {
        TaskError::Unreachable(node) => NodeError::Unreachable(node),
        TaskError::Timeout => NodeError::Unreachable(node.to_owned()),
        TaskError::NotLeader(_) => NodeError::NoLeader(group.to_owned()),
        error @ (TaskError::NoReplica | TaskError::NotAllowed(_) | TaskError::Refused(_)) => {
            NodeError::Refused(format!("{node}: {error}"))
        }
    }
}

impl NodeClient for Tasks {
    fn observed(&self) -> Observed {
        let board = self.cluster_view();
        let seen = board.nodes.iter().filter_map(|(name, seen)| {
            let status = seen.status.as_ref()?;
            let replicas = status.replicas.clone();
            // A node that is about to stop counts as down: it must take no new replicas.
            Some((
                name.clone(),
                ObservedNode { profile: profile(status), live: seen.live && !status.leaving, replicas },
            ))
        });
        Observed { nodes: seen.collect() }
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let mut board = self.node.cluster_view();
        board.mark_unchanged();
        Box::pin(async move {
            let _ = tokio::time::timeout(POLL_INTERVAL_MAX, board.changed()).await;
        })
    }

    fn open<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        start: StartMode,
    ) -> BoxFuture<'a, Result<u64, NodeError>> {
        Box::pin(async move {
            let done = self.run(node, Task::OpenReplica { group: group.to_owned(), start }).await?;
            done.id.ok_or_else(|| {
                NodeError::Refused(format!("{node} did not return the id of the replica that it opened"))
            })
        })
    }

    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        let task = Task::AddLearner { group: group.to_owned(), id: replica, node: node.to_owned() };
        Box::pin(self.run_on_leader(group, task))
    }

    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        let (from, ids) = (from.clone(), to.clone());
        Box::pin(self.run_on_leader(group, Task::ChangeVoters { group: group.to_owned(), from, ids }))
    }

    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.run_on_leader(group, Task::TransferLeadership { group: group.to_owned(), to }))
    }

    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.run_on_leader(group, Task::RemoveLearner { group: group.to_owned(), id: replica }))
    }

    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        let task = Task::DeleteReplica { group: group.to_owned(), id: replica };
        Box::pin(async move { self.run(node, task).await.map(drop) })
    }

    fn deny<'a>(&'a self, node: &'a str, fingerprints: &'a [String]) -> BoxFuture<'a, Result<(), NodeError>> {
        let task = Task::DenyCertificates { fingerprints: fingerprints.to_vec() };
        Box::pin(async move { self.run(node, task).await.map(drop) })
    }
}

/// The profile that the directory stores.
pub fn profile(status: &NodeStatus) -> NodeProfile {
    NodeProfile {
        name: status.node.clone(),
        node_id: status.node_id,
        address: status.info.address.clone(),
        http_address: status.info.http_address.clone(),
        zone: status.info.zone.clone(),
        labels: status.info.labels.clone(),
        version: status.info.version.clone(),
        fingerprint: status.info.fingerprint.clone(),
        disk_free_bytes: status.disk_free_bytes,
    }
}
