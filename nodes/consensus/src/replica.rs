//! A replica: the handle that the kernel holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError};
use openraft::raft::Precondition;
use openraft::{ChangeMembers, LinearizerOption, Raft};
use store::{Fault, NodeLog, State};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::network::Network;
use crate::options::Options;
use crate::role::{Role, stop_reason};
use crate::shared::{Shared, StopReason};
use crate::start::{StartError, start};
use crate::state_machine::{Applier, StateMachine};
use crate::types::{Bytes, RaftNode, Types};
use crate::wire::RpcHandler;

/// One replica of a group. Cheap to clone.
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

/// Why a proposal brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This replica does not lead. Nothing was proposed.
    #[error("this replica does not lead")]
    NotLeader {
        /// Who does, as far as it knows.
        leader: Option<(u64, RaftNode)>,
    },
    /// Leadership was lost on the way: the payload may be applied, now or later, or never.
    #[error("it is not known whether this will be applied")]
    Unknown,
    /// The replica has stopped. The payload may have been what stopped it.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
    /// The disk refuses. The payload may still be applied, by a replica with a better one.
    #[error("the store failed: {0}")]
    Store(String),
}

/// Why the members of a group were not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// As with a payload.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// It is against the rules, or another change is under way.
    #[error("{0}")]
    Refused(String),
}

/// How a replica stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The replica's raft id.
    pub id: u64,
    /// Who leads, as far as it knows.
    pub leader_id: Option<u64>,
    /// The term that it is in.
    pub term: u64,
    /// The number of the last entry in its log.
    pub last_log: Option<u64>,
    /// The last entry that a majority is known to have.
    pub committed: Option<u64>,
    /// The last entry that is applied here.
    pub applied: Option<u64>,
    /// Up to here the state is known to be on disk, as far as the log may be cut.
    pub snapshot: Option<u64>,
    /// Up to here the log was cut.
    pub purged: Option<u64>,
    /// Who votes.
    pub voters: BTreeMap<u64, RaftNode>,
    /// Who only listens.
    pub learners: BTreeMap<u64, RaftNode>,
    /// A change of voters is half done.
    pub joint: bool,
    /// For a leader: up to where each replica is known to have the log.
    pub matched: BTreeMap<u64, Option<u64>>,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

impl Replica {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Starts a replica on its state and its part of the node's log, whatever both hold; what is committed and not yet
    /// applied is applied before this returns. A fresh replica waits to be [initialised](Self::initialize), or to be
    /// spoken to by a leader.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        options: Options,
        log: Arc<NodeLog>,
        state: Arc<dyn State>,
        machine: Arc<dyn StateMachine>,
        network: Arc<dyn Network>,
    ) -> Result<Self, StartError> {
        start(options, log, state, machine, network).await
    }

    /// Makes a new group of these voters. Once, on one of them; harmless when it was done before.
    ///
    /// # Errors
    /// When this replica is not among them, or has stopped.
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

    /// Has a payload agreed on and applied, and brings what the machine replied. Waits as long as that takes: put a
    /// deadline around it.
    ///
    /// # Errors
    /// See [`ProposeError`].
    pub async fn propose(&self, payload: Vec<u8>) -> Result<Vec<u8>, ProposeError> {
        match self.inner.raft.client_write(Bytes(payload.into())).await {
            Ok(written) => Ok(written.data.0),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => Err(not_leader(forward)),
            Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(_))) => Err(ProposeError::Unknown),
            Err(RaftError::APIError(
                error
                @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)),
            )) => Err(ProposeError::Stopped(error.to_string())),
            Err(RaftError::Fatal(_)) => Err(self.stopped()),
        }
    }

    /// Returns once the state here is at least as new as anything that was acknowledged before this was called. Free
    /// with one voter; otherwise by the leader's lease, or by hearing from a majority where that has run out.
    ///
    /// # Errors
    /// See [`ProposeError`]; nothing is proposed.
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

    pub(crate) fn is_sole_voter(&self) -> bool {
        let server = self.inner.raft.server_metrics();
        let members = &server.borrow_watched().membership_config;
        let mut voters = members.voter_ids();
        voters.next() == Some(self.inner.id) && voters.next().is_none()
    }

    /// What the replica is, as it changes.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.inner.role.clone()
    }

    /// How the replica stands.
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
        // openraft's own numbers come a moment later than the reply to a proposal.
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

    /// Answers a message that a peer's [`Network::call`] brought.
    pub async fn handle(&self, rpc: Vec<u8>) -> Vec<u8> {
        self.inner.rpc.handle(&rpc).await
    }

    /// Puts the state on disk now, the log first.
    ///
    /// # Errors
    /// When a disk refuses.
    pub async fn flush(&self) -> Result<(), Fault> {
        self.inner.shared.flush().await
    }

    /// Puts the state on disk and lets the log be cut behind it. Begins; [`Status::snapshot`] tells when it is done.
    ///
    /// # Errors
    /// When the replica has stopped.
    pub async fn snapshot(&self) -> Result<(), ProposeError> {
        self.inner.raft.trigger().snapshot().await.map_err(|_| self.stopped())
    }

    /// Asks another voter to take over. Begins; [`Replica::role`] tells when it is done. Does nothing where this one does
    /// not lead.
    ///
    /// # Errors
    /// When the replica has stopped.
    pub async fn transfer_leader(&self, to: u64) -> Result<(), ProposeError> {
        self.inner.raft.trigger().transfer_leader(to).await.map_err(|_| self.stopped())
    }

    /// Stands for election, if the others would vote for this one: while a majority hears of its leader nothing happens.
    /// Begins; [`Replica::role`] tells what came of it.
    ///
    /// # Errors
    /// When the replica has stopped.
    pub async fn trigger_election(&self) -> Result<(), ProposeError> {
        self.inner.raft.trigger().elect(true).await.map_err(|_| self.stopped())
    }

    /// Never stands for election again by itself: for a replica that is about to be closed.
    pub fn disable_elections(&self) {
        self.inner.raft.runtime_config().elect(false);
    }

    /// Whether this replica leads now: [`Role::leader`].
    pub fn is_leader(&self) -> bool {
        self.inner.role.borrow().leader
    }

    /// The replica's raft id.
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Adds a replica that listens. It gets a snapshot where it needs one; [`Status::matched`] tells how far it is.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn add_learner(&self, id: u64, member: RaftNode) -> Result<(), ChangeError> {
        self.inner.raft.add_learner(id, member, false).await.map(drop).map_err(|error| self.refused(error))
    }

    /// Removes a replica that only listens.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn remove_learner(&self, id: u64) -> Result<(), ChangeError> {
        self.change(ChangeMembers::RemoveNodes(BTreeSet::from([id]))).await
    }

    /// Makes `to` the voters where they are `from`, in one step over a joint majority. New ones must have been listening;
    /// old ones that are not among them leave the group. A change from the one to the other that is half done is
    /// finished, and one that is done is left alone; but nobody who believes in other voters, because somebody else has
    /// changed them meanwhile, changes them back.
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
            let why = "the voters are others by now than whoever wants them changed believes";
            return Err(ChangeError::Refused(why.to_owned()));
        }
        // Nor may they change between this look and the change.
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

    /// Stops the replica and puts its state on disk.
    ///
    /// # Errors
    /// When a disk refuses. The replica has stopped all the same.
    pub async fn shutdown(&self) -> Result<(), Fault> {
        self.inner.flush_task.abort();
        self.inner.heartbeat_task.abort();
        self.inner.purge_task.abort();
        let sound = self.inner.shared.stop_reason().is_none();
        self.inner.shared.stop(StopReason::ShutDown);
        let _ = self.inner.raft.shutdown().await;
        if !sound {
            // What is broken is not made better by writing more of it.
            return Ok(());
        }
        self.flush().await
    }

    /// Waits until the role is as `wanted`, for at most `timeout`.
    pub async fn wait_for(&self, timeout: Duration, wanted: impl FnMut(&Role) -> bool) -> Option<Role> {
        let mut role = self.role();
        let found = tokio::time::timeout(timeout, role.wait_for(wanted)).await;
        found.ok().and_then(Result::ok).map(|role| role.clone())
    }

    /// Why nothing is taken any more.
    fn stopped(&self) -> ProposeError {
        match self.inner.shared.stop_reason().unwrap_or_else(|| stop_reason(&self.inner.raft)) {
            StopReason::Store(why) => ProposeError::Store(why),
            reason @ (StopReason::Failed(_) | StopReason::ShutDown) => {
                ProposeError::Stopped(reason.to_string())
            }
        }
    }
}

fn not_leader(forward: ForwardToLeader<Types>) -> ProposeError {
    ProposeError::NotLeader { leader: forward.leader_id.zip(forward.leader_node) }
}
