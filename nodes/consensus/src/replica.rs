//! Handle of a replica: proposals, reads, membership changes and status.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError};
use openraft::raft::{ClientWriteResult, Precondition};
use openraft::{ChangeMembers, Instant as _, LinearizerOption, Raft};
use store::Fault;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::role::{Role, stop_reason};
use crate::shared::{Shared, StopReason};
use crate::state_machine::Applier;
use crate::types::{ApplyResult, Bytes, Completion, RaftNode, Types};
use crate::wire::RpcHandler;

/// A replica of a group. Cheap to clone.
#[derive(Clone)]
pub struct Replica {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replica({} of {})", self.inner.id, self.inner.shared.group)
    }
}

pub(crate) struct Inner {
    pub id: u64,
    pub raft: Raft<Types, Applier>,
    pub shared: Arc<Shared>,
    pub role: watch::Receiver<Role>,
    pub rpc: RpcHandler,
    pub role_task: JoinHandle<()>,
    pub flush_task: JoinHandle<()>,
    pub heartbeat_task: JoinHandle<()>,
    pub purge_task: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.role_task.abort();
        self.flush_task.abort();
        self.heartbeat_task.abort();
        self.purge_task.abort();
    }
}

/// Why a proposal failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This replica is not the leader. Nothing was proposed.
    #[error("this replica is not the leader")]
    NotLeader {
        /// The leader, if known.
        leader: Option<(u64, RaftNode)>,
    },
    /// Leadership was lost meanwhile. The payload may be applied, now or later, or never.
    #[error("the outcome of the proposal is unknown")]
    Unknown,
    /// The replica has stopped, possibly because of this payload.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
    /// The disk failed. The payload may still be applied by another replica.
    #[error("the store failed: {0}")]
    Store(String),
}

/// Why a membership change failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// As for a proposal.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// The change is invalid, or another change is in progress.
    #[error("{0}")]
    Refused(String),
}

/// Status of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Raft id of the replica.
    pub id: u64,
    /// Raft id of the leader, if known.
    pub leader_id: Option<u64>,
    /// Current term.
    pub term: u64,
    /// Index of the last log entry.
    pub last_log: Option<u64>,
    /// Index of the last entry known to be committed.
    pub committed: Option<u64>,
    /// Index of the last entry applied on this replica.
    pub applied: Option<u64>,
    /// Index up to which the state is on disk, so that the log may be purged.
    pub snapshot: Option<u64>,
    /// Index up to which the log is purged.
    pub purged: Option<u64>,
    /// Voters.
    pub voters: BTreeMap<u64, RaftNode>,
    /// Learners.
    pub learners: BTreeMap<u64, RaftNode>,
    /// Whether the membership is a joint configuration, because a change of voters is in progress.
    pub joint: bool,
    /// On a leader: the last log index that each replica is known to have.
    pub matched: BTreeMap<u64, Option<u64>>,
    /// Why the replica stopped, if it did.
    pub stopped: Option<String>,
}

impl Replica {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Creates a new group with these voters. Must be called once, on one of them. Does nothing if the group already
    /// exists.
    ///
    /// # Errors
    /// If this replica is not among them, or has stopped.
    pub async fn initialize(&self, voters: BTreeMap<u64, RaftNode>) -> Result<(), ChangeError> {
        use openraft::errors::InitializeError;
        match self.inner.raft.initialize(voters).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotInMembers(error))) => {
                Err(ChangeError::Refused(error.to_string()))
            }
            Err(RaftError::Fatal(_)) => Err(self.stopped().into()),
        }
    }

    /// Proposes a payload, and returns its result once it is committed and applied here. Waits without a limit: use a
    /// timeout.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose(&self, payload: Vec<u8>) -> Result<ApplyResult, ProposeError> {
        let (sender, receiver) = oneshot::channel();
        let done = move |result| {
            // The receiver is gone if the caller stopped waiting.
            let _ = sender.send(result);
        };
        self.submit(payload, done).await?;
        match receiver.await {
            Ok(result) => result,
            Err(_) => Err(self.dropped_proposal().await),
        }
    }

    /// Proposes a payload without waiting for the result. Calls `done` with it once the payload is committed and applied
    /// here; `done` runs in the task that applies entries and must not block. Payloads that are submitted one after
    /// another are written to the log in one batch. If the replica stops first, `done` is dropped without a call, and
    /// [`Replica::dropped_proposal`] returns the error.
    ///
    /// # Errors
    /// If the replica has stopped. Nothing is proposed, and `done` is dropped.
    pub async fn submit(
        &self,
        payload: Vec<u8>,
        done: impl FnOnce(Result<ApplyResult, ProposeError>) + Send + 'static,
    ) -> Result<(), ProposeError> {
        let completion = Completion(Box::new(move |written| done(apply_result(written))));
        let submitted = self.inner.raft.client_write_ff(Bytes(payload.into()), Some(completion)).await;
        submitted.map_err(|_| self.stopped())
    }

    /// The error of a proposal that was dropped. If the replica is stopping, waits until the reason is known.
    pub async fn dropped_proposal(&self) -> ProposeError {
        match self.inner.raft.with_raft_state(|_| ()).await {
            Ok(()) => ProposeError::Unknown,
            Err(_) => self.stopped(),
        }
    }

    /// Returns once the local state includes everything that was acknowledged before the call. Free with one voter.
    /// Otherwise it uses the leader's lease, or contacts a majority if the lease has expired.
    ///
    /// # Errors
    /// See [`ProposeError`]. Nothing is proposed.
    pub async fn read_barrier(&self) -> Result<(), ProposeError> {
        if self.inner.role.borrow().leader && self.is_sole_voter() {
            return Ok(());
        }
        match self.inner.raft.ensure_linearizable(LinearizerOption::new(None, true)).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(not_leader(forward))
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
                Err(ProposeError::NotLeader { leader: None })
            }
            Err(RaftError::Fatal(_)) => Err(self.stopped()),
        }
    }

    /// Whether the local state may be read as nearly current. This is so if the replica has had contact with its
    /// leader within `silence_max` (a leader: with a majority), and has applied all but `lag_max` of the entries that
    /// it knows to be committed. Contacts no other replica. Does not guarantee that recently acknowledged writes are
    /// visible: see [`Replica::read_barrier`].
    pub fn is_fresh(&self, silence_max: Duration, lag_max: u64) -> bool {
        let inner = &self.inner;
        let (leader, led) = {
            let role = inner.role.borrow();
            (role.leader, role.leader_id.is_some())
        };
        if leader && self.is_sole_voter() {
            return true;
        }
        if inner.shared.stop_reason().is_some() || !led {
            return false;
        }
        let data = inner.raft.data_metrics();
        let data = data.borrow_watched();
        let in_contact = if leader {
            data.last_quorum_acked.as_ref().is_some_and(|acked| acked.elapsed() <= silence_max)
        } else {
            inner.rpc.last_contact.within(silence_max)
        };
        let applied = inner.shared.applied_next.load(Ordering::Acquire);
        let committed = data.cluster_committed.as_ref().map_or(0, |committed| committed.index + 1);
        in_contact && committed.saturating_sub(applied) <= lag_max
    }

    pub(crate) fn is_sole_voter(&self) -> bool {
        let server = self.inner.raft.server_metrics();
        let members = &server.borrow_watched().membership_config;
        let mut voters = members.voter_ids();
        voters.next() == Some(self.inner.id) && voters.next().is_none()
    }

    /// The role of the replica, as it changes.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.inner.role.clone()
    }

    /// Status of the replica.
    pub fn status(&self) -> Status {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let members = &metrics.membership_config;
        let voter_ids: BTreeSet<u64> = members.voter_ids().collect();
        let (voters, learners) = members
            .nodes()
            .map(|(id, member)| (*id, member.clone()))
            .partition(|(id, _)| voter_ids.contains(id));
        let index = |log_id: Option<crate::types::LogId>| log_id.map(|log_id| log_id.index);
        let matched = metrics.replication.unwrap_or_default();
        // openraft's metrics are updated slightly after the reply to a proposal.
        let applied = self.inner.shared.applied_next.load(Ordering::Acquire).checked_sub(1);
        Status {
            id: self.inner.id,
            leader_id: metrics.current_leader,
            term: metrics.current_term,
            last_log: metrics.last_log_index.max(applied),
            committed: index(metrics.local_committed).max(applied),
            applied,
            snapshot: index(metrics.snapshot),
            purged: index(metrics.purged),
            voters,
            learners,
            joint: members.get_joint_config().len() > 1,
            matched: matched.into_iter().map(|(id, log_id)| (id, index(log_id))).collect(),
            stopped: self.inner.shared.stop_reason().map(|reason| reason.to_string()),
        }
    }

    /// Handles a message from a peer's [`Network::call`].
    pub async fn handle(&self, rpc: Vec<u8>) -> Vec<u8> {
        self.inner.rpc.handle(&rpc).await
    }

    /// Flushes the log and then the state.
    ///
    /// # Errors
    /// If a disk fails.
    pub async fn flush(&self) -> Result<(), Fault> {
        self.inner.shared.flush().await
    }

    /// Starts a flush of the state, after which the log may be purged. [`Status::snapshot`] shows its completion.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn snapshot(&self) -> Result<(), ProposeError> {
        self.inner.raft.trigger().snapshot().await.map_err(|_| self.stopped())
    }

    /// Starts the transfer of leadership to another voter. [`Replica::role`] shows its completion. Does nothing
    /// unless this replica leads.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn transfer_leader(&self, to: u64) -> Result<(), ProposeError> {
        self.inner.raft.trigger().transfer_leader(to).await.map_err(|_| self.stopped())
    }

    /// Starts an election with a pre-vote: nothing happens while a majority is in contact with the leader.
    /// [`Replica::role`] shows the result.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn trigger_election(&self) -> Result<(), ProposeError> {
        self.inner.raft.trigger().elect(true).await.map_err(|_| self.stopped())
    }

    /// Disables elections by this replica, which is about to be closed.
    pub fn disable_elections(&self) {
        self.inner.raft.runtime_config().elect(false);
    }

    /// Whether this replica is the leader: [`Role::leader`].
    pub fn is_leader(&self) -> bool {
        self.inner.role.borrow().leader
    }

    /// Raft id of the replica.
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Adds a learner. It receives a snapshot if it needs one. [`Status::matched`] shows its progress.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn add_learner(&self, id: u64, member: RaftNode) -> Result<(), ChangeError> {
        self.inner.raft.add_learner(id, member, false).await.map(drop).map_err(|error| self.refused(error))
    }

    /// Removes a learner.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn remove_learner(&self, id: u64) -> Result<(), ChangeError> {
        self.change(ChangeMembers::RemoveNodes(BTreeSet::from([id]))).await
    }

    /// Changes the voters from `from` to `to`, by joint consensus. New voters must be learners. Old voters that are
    /// not in `to` leave the group. A change from `from` to `to` that is in progress is completed, and one that is
    /// done is left as it is. If the current voters are neither, because of another change meanwhile, the call is
    /// refused.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn change_voters(&self, from: &BTreeSet<u64>, to: BTreeSet<u64>) -> Result<(), ChangeError> {
        let (log_id, joint, voters) = {
            let server = self.inner.raft.server_metrics();
            let members = &server.borrow_watched().membership_config;
            let voters: BTreeSet<u64> = members.voter_ids().collect();
            (*members.log_id(), members.membership().get_joint_config().len() > 1, voters)
        };
        if !joint && voters == to {
            return Ok(());
        }
        let expected = if joint { voters == from | &to } else { voters == *from };
        if !expected {
            let why = "the current voters differ from the expected ones";
            return Err(ChangeError::Refused(why.to_owned()));
        }
        // The membership must not change between this check and the change.
        let unchanged = Precondition::LastMembershipLogId { last_membership_log_id: log_id };
        let change = ChangeMembers::ReplaceAllVoters(to);
        let changed = self.inner.raft.change_membership_if(change, false, [unchanged]).await;
        changed.map(drop).map_err(|error| self.refused(error))
    }

    async fn change(&self, change: ChangeMembers<u64, RaftNode>) -> Result<(), ChangeError> {
        self.inner.raft.change_membership(change, false).await.map(drop).map_err(|error| self.refused(error))
    }

    fn refused(&self, error: RaftError<Types, ClientWriteError<Types>>) -> ChangeError {
        match error {
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => not_leader(forward).into(),
            RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => ProposeError::Unknown.into(),
            RaftError::APIError(
                error
                @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)),
            ) => ChangeError::Refused(error.to_string()),
            RaftError::Fatal(_) => self.stopped().into(),
        }
    }

    /// Stops the replica and flushes its state.
    ///
    /// # Errors
    /// If a disk fails.
    pub async fn shutdown(&self) -> Result<(), Fault> {
        self.inner.flush_task.abort();
        self.inner.heartbeat_task.abort();
        self.inner.purge_task.abort();
        let healthy = self.inner.shared.stop_reason().is_none();
        self.inner.shared.stop(StopReason::ShutDown);
        let _ = self.inner.raft.shutdown().await;
        if !healthy {
            // A failed replica does not write its state.
            return Ok(());
        }
        self.flush().await
    }

    /// Waits until the role satisfies `wanted`, for at most `timeout`.
    pub async fn wait_for_role(&self, timeout: Duration, wanted: impl FnMut(&Role) -> bool) -> Option<Role> {
        let mut role = self.role();
        let found = tokio::time::timeout(timeout, role.wait_for(wanted)).await;
        found.ok().and_then(Result::ok).map(|role| role.clone())
    }

    /// The error for calls after the replica has stopped.
    fn stopped(&self) -> ProposeError {
        match self.inner.shared.stop_reason().unwrap_or_else(|| stop_reason(&self.inner.raft)) {
            StopReason::Store(why) => ProposeError::Store(why),
            reason @ (StopReason::Failed(_) | StopReason::ShutDown) => {
                ProposeError::Stopped(reason.to_string())
            }
        }
    }
}

fn apply_result(written: ClientWriteResult<Types>) -> Result<ApplyResult, ProposeError> {
    match written {
        Ok(response) => {
            let missing = || ProposeError::Stopped("the state machine returned no result".to_owned());
            response.data.result.ok_or_else(missing)
        }
        Err(ClientWriteError::ForwardToLeader(forward)) => Err(not_leader(forward)),
        Err(ClientWriteError::LogEntryDiscarded(_)) => Err(ProposeError::Unknown),
        Err(
            error @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)),
        ) => Err(ProposeError::Stopped(error.to_string())),
    }
}

fn not_leader(forward: ForwardToLeader<Types>) -> ProposeError {
    ProposeError::NotLeader { leader: forward.leader_id.zip(forward.leader_node) }
}
