//! Handle of a replica: proposals, reads, leadership and shutdown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError};
use openraft::raft::ClientWriteResult;
use openraft::{Instant as _, LinearizerOption, Raft};
use store::Fault;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::error::{ChangeError, ProposeError};
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
            // An error means that the caller stopped waiting.
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
        if self.inner.shared.stop_reason().is_some() {
            return self.stopped();
        }
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
    pub(crate) fn stopped(&self) -> ProposeError {
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

pub(crate) fn not_leader(forward: ForwardToLeader<Types>) -> ProposeError {
    ProposeError::NotLeader { leader: forward.leader_id.zip(forward.leader_node) }
}
