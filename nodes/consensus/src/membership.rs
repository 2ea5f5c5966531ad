//! Membership changes of a group.

use std::collections::BTreeSet;

use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::raft::Precondition;

use crate::error::{ChangeError, ProposeError};
use crate::replica::{Replica, not_leader};
use crate::types::{RaftNode, Types};

impl Replica {
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
}
