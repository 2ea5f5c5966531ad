//! Executes tasks on this node, and sends them to others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::{ChangeError, ProposeError, RaftNode};
use link::{Fingerprint, Identity, LinkError, TrafficClass};
use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use super::{Task, TaskError, TaskOutput};
use crate::cluster::Cluster;
use crate::cluster::transport::TASK;
use crate::node::{HostError, Node};
use crate::supervision::ReplicaHandle;

/// The service whose tokens authorize tasks.
const DIRECTORY: &str = "directory";
/// How long a leadership transfer may take. After that the group elects a leader by itself.
const TRANSFER_MAX: Duration = Duration::from_secs(2);
/// A voter that lacks more entries cannot become the leader by a transfer.
const TRANSFER_LAG_MAX: u64 = 10_000;
/// The pause between two reads of a voter's lag.
const LAG_RETRY: Duration = Duration::from_millis(10);
/// The pause between two attempts to find a group's leader.
const RETRY: Duration = Duration::from_millis(50);

/// A task with the token that authorizes it.
#[derive(Serialize, Deserialize)]
struct TaskRequest {
    token: String,
    task: Task,
}

impl Node {
    /// Runs a task on `node`: directly on this node, or over the link with a token of the directory service.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn task(
        self: &Arc<Self>,
        node: &str,
        task: Task,
        timeout: Duration,
    ) -> Result<TaskOutput, TaskError> {
        let cluster = self.cluster()?;
        let deadline = Instant::now() + timeout;
        if node == &*cluster.name {
            let running = tokio::spawn(Arc::clone(self).execute(task));
            let done = tokio::time::timeout(timeout, running).await;
            return done
                .unwrap_or(Ok(Err(TaskError::Timeout)))
                .unwrap_or_else(|_| Err(refused("the task panicked")));
        }
        let token = if task.precedes_tokens() {
            cluster.key.node_credential(&cluster.name, Timestamp::wall_clock())
        } else {
            let credentials = self.credentials().ok_or_else(|| refused("no credentials"))?;
            let token = tokio::time::timeout(timeout, credentials.service_token(DIRECTORY, None)).await;
            token.map_err(|_| TaskError::Timeout)?.map_err(|why| refused(why.to_string()))?.to_string()
        };
        let bytes = codec::encode(&TaskRequest { token, task });
        let left = deadline.saturating_duration_since(Instant::now());
        match cluster.link.call(node, TrafficClass::Interactive, TASK, bytes, left).await {
            Ok(bytes) => {
                codec::decode(&bytes).unwrap_or_else(|unreadable| Err(refused(unreadable.to_string())))
            }
            Err(LinkError::NoSession | LinkError::PeerLost) => Err(TaskError::Unreachable(node.to_owned())),
            Err(LinkError::Timeout) => Err(TaskError::Timeout),
            Err(error @ (LinkError::Busy | LinkError::Refused(_))) => Err(refused(error.to_string())),
        }
    }

    /// Runs a task on the node that leads the task's group. Retries until a leader is found or `timeout` is over.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn task_at_leader(
        self: &Arc<Self>,
        task: Task,
        timeout: Duration,
    ) -> Result<TaskOutput, TaskError> {
        let group = task.group().ok_or_else(|| refused("the task concerns no group"))?.to_owned();
        let deadline = Instant::now() + timeout;
        let mut hint: Option<Arc<str>> = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = match hint.take().or_else(|| self.leader_of(&group)) {
                Some(node) => self.task(&node, task.clone(), left).await,
                None => Err(TaskError::NotLeader(None)),
            };
            match answer {
                Err(TaskError::NotLeader(_) | TaskError::NoReplica | TaskError::Unreachable(_))
                    if left > RETRY =>
                {
                    if let Err(TaskError::NotLeader(Some(node))) = answer {
                        hint = Some(node.into());
                    }
                    tokio::time::sleep(RETRY).await;
                }
                answer => return answer,
            }
        }
    }

    /// Serves a task request. The task runs to its end, also when the sender stops waiting.
    pub(crate) async fn serve_task(self: &Arc<Self>, from: &Identity, bytes: &[u8]) -> Vec<u8> {
        let done = match self.authorize(from, bytes) {
            Ok(task) => tokio::spawn(Arc::clone(self).execute(task))
                .await
                .unwrap_or_else(|_| Err(refused("the task panicked"))),
            Err(error) => Err(error),
        };
        codec::encode(&done)
    }

    /// A session between nodes does not authorize a task: it needs a token of the directory service or, where there can
    /// be no tokens yet, the credential of a node that has the cluster's key.
    fn authorize(&self, from: &Identity, bytes: &[u8]) -> Result<Task, TaskError> {
        let request: TaskRequest =
            codec::decode(bytes).map_err(|unreadable| refused(unreadable.to_string()))?;
        let verified = self.options.verifier.verify(&request.token, Timestamp::wall_clock());
        let caller = verified.map_err(|rejected| TaskError::NotAllowed(rejected.to_string()))?;
        let node_itself = || caller.client_id == format!("node:{}", from.node);
        match caller.as_service() {
            Some(DIRECTORY) => Ok(request.task),
            Some("node") if request.task.precedes_tokens() && node_itself() => Ok(request.task),
            Some(_) | None => Err(TaskError::NotAllowed("only the directory may run tasks".to_owned())),
        }
    }

    async fn execute(self: Arc<Self>, task: Task) -> Result<TaskOutput, TaskError> {
        let cluster = self.cluster()?;
        match task {
            Task::OpenReplica { group, start } => {
                let id = self.open(&group, start).await.map_err(host_error)?;
                Ok(TaskOutput { id: Some(id), ..self.output(&group) })
            }
            Task::DeleteReplica { group, id } => {
                self.delete_replica(&group, id).await.map_err(host_error)?;
                Ok(TaskOutput::default())
            }
            Task::Recover { group } => {
                let id = self.recover(&group).await.map_err(host_error)?;
                Ok(TaskOutput { id: Some(id), ..self.output(&group) })
            }
            Task::AddLearner { group, id, node } => {
                let (_, consensus) = self.leading(&group)?;
                let status = consensus.status();
                if !status.voters.contains_key(&id) && !status.learners.contains_key(&id) {
                    consensus.add_learner(id, RaftNode { node }).await.map_err(change_error)?;
                }
                Ok(self.output(&group))
            }
            Task::ChangeVoters { group, from, ids } => {
                let (_, consensus) = self.leading(&group)?;
                consensus.change_voters(&from, ids).await.map_err(change_error)?;
                Ok(self.output(&group))
            }
            Task::RemoveLearner { group, id } => {
                let (_, consensus) = self.leading(&group)?;
                let status = consensus.status();
                if status.voters.contains_key(&id) {
                    return Err(refused("the replica is a voter"));
                }
                if status.learners.contains_key(&id) {
                    consensus.remove_learner(id).await.map_err(change_error)?;
                }
                Ok(self.output(&group))
            }
            Task::TransferLeadership { group, to } => {
                let handle = self.replica(&group)?;
                let consensus = handle.consensus().ok_or(TaskError::NoReplica)?;
                if consensus.role().borrow().leader_id != Some(to) {
                    let (_, consensus) = self.leading(&group)?;
                    let status = consensus.status();
                    if !status.voters.contains_key(&to) {
                        return Err(refused("the replica is not a voter"));
                    }
                    // The group accepts no proposals until the new leader has all entries.
                    let lag = self.lag_of(&group, to).await?;
                    if lag.is_none_or(|lag| lag > TRANSFER_LAG_MAX) {
                        return Err(refused("the replica lacks too many entries"));
                    }
                    consensus.transfer_leader(to).await.map_err(propose_error)?;
                    let led = consensus.wait_for_role(TRANSFER_MAX, |role| role.leader_id == Some(to)).await;
                    led.ok_or_else(|| refused("the other replica did not become the leader in time"))?;
                }
                Ok(self.output(&group))
            }
            Task::ReleaseRow { group, row, again } => {
                self.leading(&group)?;
                let released = self.release_row(&group, row, again).await;
                released.map_err(|why| refused(why.to_string()))?;
                Ok(self.output(&group))
            }
            Task::ReleaseEffects { group } => {
                self.leading(&group)?;
                let released = self.release_effects(&group).await;
                released.map_err(|why| refused(why.to_string()))?;
                Ok(self.output(&group))
            }
            Task::CheckInvariants => {
                let node = Arc::clone(&self);
                let checked = tokio::task::spawn_blocking(move || node.violations()).await;
                let violations = checked.map_err(|_| refused("the check panicked"))?;
                Ok(TaskOutput { violations, ..TaskOutput::default() })
            }
            Task::Checksum { group } => {
                let handle = self.replica(&group)?;
                let taken = tokio::task::spawn_blocking(move || handle.checksum()).await;
                let taken = taken.map_err(|_| refused("the task panicked"))?.map_err(refused)?;
                Ok(TaskOutput { checksum: Some(taken), ..TaskOutput::default() })
            }
            Task::DenyCertificates { fingerprints } => {
                for fingerprint in fingerprints {
                    let fingerprint =
                        Fingerprint::parse(&fingerprint).ok_or_else(|| refused("invalid fingerprint"))?;
                    cluster.link.deny(fingerprint);
                }
                Ok(TaskOutput::default())
            }
        }
    }

    fn cluster(&self) -> Result<&Cluster, TaskError> {
        self.cluster.get().ok_or_else(|| refused("this node is not part of a cluster"))
    }

    fn replica(&self, group: &str) -> Result<ReplicaHandle, TaskError> {
        self.handle(group).ok_or(TaskError::NoReplica)
    }

    /// This node's replica of `group`, if it leads.
    fn leading(&self, group: &str) -> Result<(ReplicaHandle, consensus::Replica), TaskError> {
        let handle = self.replica(group)?;
        let consensus = handle.consensus().ok_or(TaskError::NoReplica)?;
        let role = consensus.role().borrow().clone();
        if role.leader { Ok((handle, consensus)) } else { Err(TaskError::NotLeader(role.leader_node)) }
    }

    /// How many entries a voter lacks, compared with the leader on this node. A new leader learns this from each
    /// voter's first response: waits for it.
    async fn lag_of(&self, group: &str, voter: u64) -> Result<Option<u64>, TaskError> {
        let begun = Instant::now();
        loop {
            let status = self.leading(group)?.1.status();
            let lag = status.matched.get(&voter).copied().flatten();
            let lag = lag.map(|matched| status.last_log.unwrap_or_default().saturating_sub(matched));
            if lag.is_some() || begun.elapsed() > TRANSFER_MAX {
                return Ok(lag);
            }
            tokio::time::sleep(LAG_RETRY).await;
        }
    }

    fn output(&self, group: &str) -> TaskOutput {
        TaskOutput { status: self.handle(group).map(|handle| handle.status()), ..TaskOutput::default() }
    }
}

fn refused(why: impl Into<String>) -> TaskError {
    TaskError::Refused(why.into())
}

fn host_error(error: HostError) -> TaskError {
    TaskError::Refused(error.to_string())
}

fn change_error(error: ChangeError) -> TaskError {
    match error {
        ChangeError::Propose(error) => propose_error(error),
        ChangeError::Refused(why) => TaskError::Refused(why),
    }
}

fn propose_error(error: ProposeError) -> TaskError {
    match error {
        ProposeError::NotLeader { leader } => TaskError::NotLeader(leader.map(|(_, member)| member.node)),
        ProposeError::Unknown => TaskError::Timeout,
        error @ (ProposeError::Stopped(_) | ProposeError::Store(_)) => TaskError::Refused(error.to_string()),
    }
}
