//! The steward's hands: what nodes have announced, and tasks for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use directory::{Hands, HandsError, NodeProfile, Observed, SeenNode, SeenReplica};
use futures::future::BoxFuture;
use replica::{Announcement, Board, GroupStatus, Node, Start, Task, TaskDone, TaskError};

/// How long a node may take over a task.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A change of voters waits for a majority of the old and one of the new.
const CHANGE_MAX: Duration = Duration::from_secs(20);
/// The steward looks at least so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// See the module.
pub struct Tasks {
    node: Arc<Node>,
}

impl Tasks {
    /// Through this node.
    pub fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    async fn at(&self, node: &str, task: Task) -> Result<TaskDone, HandsError> {
        let group = task.group().unwrap_or_default().to_owned();
        let patience = patience(&task);
        self.node.task(node, task, patience).await.map_err(|error| told(error, node, &group))
    }

    /// What concerns the members of a group is its leader's to do.
    async fn at_leader(&self, group: &str, task: Task) -> Result<(), HandsError> {
        let patience = patience(&task);
        match self.node.task_at_leader(task, patience).await {
            Ok(_) => Ok(()),
            Err(error) => Err(told(error, "the leader", group)),
        }
    }

    fn board(&self) -> Arc<Board> {
        Arc::clone(&self.node.board().borrow())
    }
}

fn patience(task: &Task) -> Duration {
    if matches!(task, Task::ChangeVoters { .. }) { CHANGE_MAX } else { TIMEOUT }
}

fn told(error: TaskError, node: &str, group: &str) -> HandsError {
    match error {
        TaskError::Away(node) => HandsError::Away(node),
        TaskError::Timeout => HandsError::Away(node.to_owned()),
        TaskError::NotLeader(_) => HandsError::NoLeader(group.to_owned()),
        error @ (TaskError::NoReplica | TaskError::NotAllowed(_) | TaskError::Refused(_)) => {
            HandsError::Refused(format!("{node}: {error}"))
        }
    }
}

impl Hands for Tasks {
    fn observed(&self) -> Observed {
        let board = self.board();
        let seen = board.nodes.iter().filter_map(|(name, seen)| {
            let said = seen.said.as_ref()?;
            let replicas = said.replicas.iter().map(replica).collect();
            // Who is about to stop takes nothing new; its replicas are as good as away.
            Some((
                name.clone(),
                SeenNode { profile: profile(said), live: seen.live && !said.leaving, replicas },
            ))
        });
        Observed { nodes: seen.collect() }
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let mut board = self.node.board();
        board.mark_unchanged();
        Box::pin(async move {
            let _ = tokio::time::timeout(LOOK_EVERY, board.changed()).await;
        })
    }

    fn open<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        start: directory::Start,
    ) -> BoxFuture<'a, Result<u64, HandsError>> {
        let start = match start {
            directory::Start::Found => Start::Found,
            directory::Start::Join => Start::Join,
        };
        Box::pin(async move {
            let done = self.at(node, Task::Open { group: group.to_owned(), start }).await?;
            done.id.ok_or_else(|| HandsError::Refused(format!("{node} does not say which replica it opened")))
        })
    }

    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        let task = Task::AddLearner { group: group.to_owned(), id: replica, node: node.to_owned() };
        Box::pin(self.at_leader(group, task))
    }

    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        let (from, ids) = (from.clone(), to.clone());
        Box::pin(self.at_leader(group, Task::ChangeVoters { group: group.to_owned(), from, ids }))
    }

    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.at_leader(group, Task::Transfer { group: group.to_owned(), to }))
    }

    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.at_leader(group, Task::RemoveLearner { group: group.to_owned(), id: replica }))
    }

    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        let task = Task::Drop { group: group.to_owned(), id: replica };
        Box::pin(async move { self.at(node, task).await.map(drop) })
    }

    fn deny<'a>(
        &'a self,
        node: &'a str,
        fingerprints: &'a [String],
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        let task = Task::Deny { fingerprints: fingerprints.to_vec() };
        Box::pin(async move { self.at(node, task).await.map(drop) })
    }
}

/// A node as the directory keeps it.
pub fn profile(said: &Announcement) -> NodeProfile {
    NodeProfile {
        name: said.node.clone(),
        node_id: said.node_id,
        address: said.profile.address.clone(),
        http_address: said.profile.http_address.clone(),
        zone: said.profile.zone.clone(),
        labels: said.profile.labels.clone(),
        version: said.profile.version.clone(),
        fingerprint: said.profile.fingerprint.clone(),
        disk_free_bytes: said.disk_free_bytes,
    }
}

fn replica(status: &GroupStatus) -> SeenReplica {
    let lag = |(id, _): (&u64, _)| status.lag_of(*id).map(|lag| (*id, lag));
    SeenReplica {
        group: status.group.clone(),
        replica: status.id,
        leader: status.leader,
        term: status.term,
        voters: status.voters.keys().copied().collect(),
        learners: status.learners.keys().copied().collect(),
        last_log: status.last_log,
        lag: status.matched.iter().filter_map(lag).collect(),
        bytes: status.bytes,
    }
}
