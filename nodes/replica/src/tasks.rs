//! Doing what the directory says, and having others do it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::{ChangeError, ProposeError, RaftNode};
use link::{Fingerprint, Identity, LinkError, TrafficClass};
use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::network::TASK;
use crate::node::{HostError, Hosted, Node};
use crate::task::{Task, TaskDone, TaskError};

/// The service whose word counts.
const DIRECTORY: &str = "directory";
/// How long a successor may take before the attempt has failed: by then the group elects somebody else.
const TRANSFER_MAX: Duration = Duration::from_secs(2);
/// Who is further behind, in entries, does not get to lead.
const TRANSFER_LAG_MAX: u64 = 10_000;
/// Between two looks at how far a voter is.
const LAG_AGAIN: Duration = Duration::from_millis(10);
/// Between two attempts at finding a group's leader.
const AGAIN: Duration = Duration::from_millis(50);

/// A task on its way, with the token of whoever says so.
#[derive(Serialize, Deserialize)]
struct Order {
    token: String,
    task: Task,
}

impl Node {
    /// Has `node` do a task: this node itself at once, another one over the link, which shows a token of the directory's.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn task(
        self: &Arc<Self>,
        node: &str,
        task: Task,
        timeout: Duration,
    ) -> Result<TaskDone, TaskError> {
        let cluster = self.cluster()?;
        let deadline = Instant::now() + timeout;
        if node == &*cluster.name {
            let doing = tokio::spawn(Arc::clone(self).perform(task));
            let done = tokio::time::timeout(timeout, doing).await;
            return done.unwrap_or(Ok(Err(TaskError::Timeout))).unwrap_or_else(|_| Err(refused("it failed")));
        }
        let token = if task.precedes_tokens() {
            cluster.key.node_credential(&cluster.name, Timestamp::wall_clock())
        } else {
            let credentials = self.credentials().ok_or_else(|| refused("no credentials"))?;
            let token = tokio::time::timeout(timeout, credentials.service_token(DIRECTORY, None)).await;
            token.map_err(|_| TaskError::Timeout)?.map_err(|why| refused(why.to_string()))?.to_string()
        };
        let bytes = codec::encode(&Order { token, task });
        let left = deadline.saturating_duration_since(Instant::now());
        match cluster.link.call(node, TrafficClass::Interactive, TASK, bytes, left).await {
            Ok(bytes) => {
                codec::decode(&bytes).unwrap_or_else(|unreadable| Err(refused(unreadable.to_string())))
            }
            Err(LinkError::NoSession | LinkError::PeerLost) => Err(TaskError::Away(node.to_owned())),
            Err(LinkError::Timeout) => Err(TaskError::Timeout),
            Err(error @ (LinkError::Busy | LinkError::Refused(_))) => Err(refused(error.to_string())),
        }
    }

    /// Has the leader of the task's group do it, wherever that is; looks for it until the time is over.
    ///
    /// # Errors
    /// See [`TaskError`].
    pub async fn task_at_leader(
        self: &Arc<Self>,
        task: Task,
        timeout: Duration,
    ) -> Result<TaskDone, TaskError> {
        let group = task.group().ok_or_else(|| refused("a task without a group"))?.to_owned();
        let deadline = Instant::now() + timeout;
        let mut hint: Option<Arc<str>> = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = match hint.take().or_else(|| self.leader_of(&group)) {
                Some(node) => self.task(&node, task.clone(), left).await,
                None => Err(TaskError::NotLeader(None)),
            };
            match answer {
                Err(TaskError::NotLeader(_) | TaskError::NoReplica | TaskError::Away(_)) if left > AGAIN => {
                    if let Err(TaskError::NotLeader(Some(node))) = answer {
                        hint = Some(node.into());
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    /// A task came over the link. It is done to its end, whether or not somebody waits for that.
    pub(crate) async fn perform_from(self: &Arc<Self>, from: &Identity, bytes: &[u8]) -> Vec<u8> {
        let done = match self.admit(from, bytes) {
            Ok(task) => tokio::spawn(Arc::clone(self).perform(task))
                .await
                .unwrap_or_else(|_| Err(refused("it failed"))),
            Err(error) => Err(error),
        };
        codec::encode(&done)
    }

    /// Being a node is no credential: the directory's word counts, shown by a token of its service. Where there can be
    /// no such token yet, a node's that has the cluster's key.
    fn admit(&self, from: &Identity, bytes: &[u8]) -> Result<Task, TaskError> {
        let order: Order = codec::decode(bytes).map_err(|unreadable| refused(unreadable.to_string()))?;
        let verified = self.options.verifier.verify(&order.token, Timestamp::wall_clock());
        let caller = verified.map_err(|rejected| TaskError::NotAllowed(rejected.to_string()))?;
        let node_itself = || caller.client_id == format!("node:{}", from.node);
        match caller.as_service() {
            Some(DIRECTORY) => Ok(order.task),
            Some("node") if order.task.precedes_tokens() && node_itself() => Ok(order.task),
            Some(_) | None => Err(TaskError::NotAllowed("only the directory has this done".to_owned())),
        }
    }

    async fn perform(self: Arc<Self>, task: Task) -> Result<TaskDone, TaskError> {
        let cluster = self.cluster()?;
        match task {
            Task::Open { group, start } => {
                let id = self.open(&group, start).await.map_err(host_error)?;
                Ok(TaskDone { id: Some(id), ..self.done(&group) })
            }
            Task::Drop { group, id } => {
                self.drop_replica(&group, id).await.map_err(host_error)?;
                Ok(TaskDone::default())
            }
            Task::Refound { group } => {
                let id = self.refound(&group).await.map_err(host_error)?;
                Ok(TaskDone { id: Some(id), ..self.done(&group) })
            }
            Task::AddLearner { group, id, node } => {
                let (_, consensus) = self.leading(&group)?;
                let status = consensus.status();
                if !status.voters.contains_key(&id) && !status.learners.contains_key(&id) {
                    consensus.add_learner(id, RaftNode { node }).await.map_err(change_error)?;
                }
                Ok(self.done(&group))
            }
            Task::ChangeVoters { group, from, ids } => {
                let (_, consensus) = self.leading(&group)?;
                consensus.change_voters(&from, ids).await.map_err(change_error)?;
                Ok(self.done(&group))
            }
            Task::RemoveLearner { group, id } => {
                let (_, consensus) = self.leading(&group)?;
                let status = consensus.status();
                if status.voters.contains_key(&id) {
                    return Err(refused("that replica votes"));
                }
                if status.learners.contains_key(&id) {
                    consensus.remove_learner(id).await.map_err(change_error)?;
                }
                Ok(self.done(&group))
            }
            Task::Transfer { group, to } => {
                let hosted = self.here(&group)?;
                let consensus = hosted.ops.consensus().ok_or(TaskError::NoReplica)?;
                if consensus.role().borrow().leader_id != Some(to) {
                    let (_, consensus) = self.leading(&group)?;
                    let status = consensus.status();
                    if !status.voters.contains_key(&to) {
                        return Err(refused("that replica does not vote"));
                    }
                    // Nothing is taken until it has all and leads.
                    let lag = self.lag_of(&group, to).await?;
                    if lag.is_none_or(|lag| lag > TRANSFER_LAG_MAX) {
                        return Err(refused("that replica is too far behind"));
                    }
                    consensus.transfer_leader(to).await.map_err(propose_error)?;
                    let led = consensus.wait_for_role(TRANSFER_MAX, |role| role.leader_id == Some(to)).await;
                    led.ok_or_else(|| refused("the other replica does not take over"))?;
                }
                Ok(self.done(&group))
            }
            Task::Release { group, row, again } => {
                self.leading(&group)?;
                let released = self.release(&group, row, again).await;
                released.map_err(|why| refused(why.to_string()))?;
                Ok(self.done(&group))
            }
            Task::LetEffectsGo { group } => {
                self.leading(&group)?;
                let gone = self.let_effects_go(&group).await;
                gone.map_err(|why| refused(why.to_string()))?;
                Ok(self.done(&group))
            }
            Task::Check => {
                let node = Arc::clone(&self);
                let checked = tokio::task::spawn_blocking(move || node.violations()).await;
                let violations = checked.map_err(|_| refused("the check failed"))?;
                Ok(TaskDone { violations, ..TaskDone::default() })
            }
            Task::Checksum { group } => {
                let ops = self.here(&group)?.ops;
                let taken = tokio::task::spawn_blocking(move || ops.checksum()).await;
                let taken = taken.map_err(|_| refused("it failed"))?.map_err(refused)?;
                Ok(TaskDone { checksum: Some(taken), ..TaskDone::default() })
            }
            Task::Deny { fingerprints } => {
                for fingerprint in fingerprints {
                    let fingerprint =
                        Fingerprint::parse(&fingerprint).ok_or_else(|| refused("no fingerprint"))?;
                    cluster.link.deny(fingerprint);
                }
                Ok(TaskDone::default())
            }
        }
    }

    fn cluster(&self) -> Result<&Cluster, TaskError> {
        self.cluster.get().ok_or_else(|| refused("this node is alone"))
    }

    fn here(&self, group: &str) -> Result<Hosted, TaskError> {
        self.one(group).ok_or(TaskError::NoReplica)
    }

    /// The replica of `group` that is here, if it leads.
    fn leading(&self, group: &str) -> Result<(Hosted, consensus::Replica), TaskError> {
        let hosted = self.here(group)?;
        let consensus = hosted.ops.consensus().ok_or(TaskError::NoReplica)?;
        let role = consensus.role().borrow().clone();
        if role.leader { Ok((hosted, consensus)) } else { Err(TaskError::NotLeader(role.leader_node)) }
    }

    /// How far a voter is behind the leader here, in entries. Who has just come to lead hears that from each of them with
    /// its first answer, which is waited for.
    async fn lag_of(&self, group: &str, voter: u64) -> Result<Option<u64>, TaskError> {
        let begun = Instant::now();
        loop {
            let status = self.leading(group)?.1.status();
            let lag = status.matched.get(&voter).copied().flatten();
            let lag = lag.map(|matched| status.last_log.unwrap_or_default().saturating_sub(matched));
            if lag.is_some() || begun.elapsed() > TRANSFER_MAX {
                return Ok(lag);
            }
            tokio::time::sleep(LAG_AGAIN).await;
        }
    }

    fn done(&self, group: &str) -> TaskDone {
        TaskDone { status: self.one(group).map(|hosted| hosted.ops.status()), ..TaskDone::default() }
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
