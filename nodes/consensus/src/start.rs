//! Starting a replica, after checking that the log and the state belong to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use protocol::codec;
use store::{Batch, Fault, NodeLog, State};
use tokio::sync::{Mutex, watch};

use crate::heartbeat;
use crate::last_contact::LastContact;
use crate::log::Log;
use crate::metadata::{IDENTITY, applied_state, read_row};
use crate::network::{Network, PeerFactory};
use crate::options::Options;
use crate::purge::purge_periodically;
use crate::replica::{Inner, Replica};
use crate::role::{Role, track_role};
use crate::shared::{Shared, StopReason};
use crate::state_machine::{Applier, StateMachine};
use crate::types::{LogId, Types};
use crate::wire::RpcHandler;

/// Why a replica cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The log or the state cannot be read, or is corrupt.
    #[error("{0}")]
    Store(String),
    /// The state machine failed on a committed entry, which is replayed at each start.
    #[error("{0}")]
    StateMachine(String),
    /// The state belongs to another replica.
    #[error("the state belongs to replica {found_id} of {found_group}")]
    Identity {
        /// Group of that replica.
        found_group: String,
        /// Raft id of that replica.
        found_id: u64,
    },
    /// The state has applied entries, but the log contains no record of this replica, not even its vote. Continuing
    /// could mean voting twice in a term.
    #[error("the log of this replica is missing")]
    LogMissing,
    /// The settings are inconsistent, or openraft does not start for another reason.
    #[error("{0}")]
    Refused(String),
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.to_string())
    }
}

impl Replica {
    /// Starts a replica on its state and its part of the node's log. Committed entries that are not applied are
    /// applied before this returns. A new replica waits until it is [initialised](Self::initialize) or contacted by a
    /// leader.
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
        let Options { group, id, settings } = options;
        let config = settings.config(&group).map_err(|error| StartError::Refused(error.to_string()))?;
        let applied = verify_identity(&group, id, &log, &state).await?;
        let shared = Arc::new(Shared::new(Arc::clone(&group), Arc::clone(&log), state, applied.as_ref()));
        let storage = Log::new(Arc::clone(&group), log, settings.message_bytes_max);
        let applier = Applier::open(Arc::clone(&shared), machine)?;
        let peers = PeerFactory {
            group,
            network,
            shared: Arc::clone(&shared),
            snapshot_timeout: settings.snapshot_timeout(),
        };
        let raft = Raft::new(id, Arc::new(config), peers, storage, applier).await.map_err(|fatal| {
            match shared.stop_reason() {
                Some(StopReason::Failed(why)) => StartError::StateMachine(why),
                Some(StopReason::Store(why)) => StartError::Store(why),
                Some(StopReason::ShutDown) | None => StartError::Store(fatal.to_string()),
            }
        })?;
        shared.started.store(true, Ordering::Release);
        elect_if_sole_voter(&raft, id).await;

        let role = watch::Sender::new(Role::default());
        let watched = role.subscribe();
        let role_task = tokio::spawn(track_role(raft.clone(), Arc::clone(&shared), role));
        let flush_task = {
            let (raft, shared, every) = (raft.clone(), Arc::clone(&shared), settings.flush_every());
            tokio::spawn(async move {
                let fault = shared.flush_periodically(every).await;
                shared.stop(StopReason::Store(fault.to_string()));
                let _ = raft.shutdown().await;
            })
        };
        let purge_task =
            tokio::spawn(purge_periodically(raft.clone(), Arc::clone(&shared), settings.keep_entries));
        let last_contact = Arc::new(LastContact::default());
        let heartbeat_task =
            tokio::spawn(heartbeat::run(raft.clone(), Arc::clone(&last_contact), settings.heartbeat()));
        let incoming = Mutex::new(None);
        let rpc = RpcHandler { raft: raft.clone(), state: Arc::clone(&shared.state), incoming, last_contact };
        Ok(Self::new(Inner {
            id,
            raft,
            shared,
            role: watched,
            rpc,
            role_task,
            flush_task,
            heartbeat_task,
            purge_task,
        }))
    }
}

/// Checks that the log and the state belong to this replica, and claims a new state. Returns the last applied log id.
async fn verify_identity(
    group: &str,
    id: u64,
    log: &NodeLog,
    state: &Arc<dyn State>,
) -> Result<Option<LogId>, StartError> {
    log.health()?;
    let state = Arc::clone(state);
    let known = log.contains_group(group);
    let group = group.to_owned();
    let claimed = tokio::task::spawn_blocking(move || {
        let (applied, _) = applied_state(&*state)?;
        match read_row::<(String, u64)>(&*state, IDENTITY)? {
            Some((found_group, found_id)) if found_group != group || found_id != id => {
                return Err(StartError::Identity { found_group, found_id });
            }
            Some(_) if applied.is_some() && !known => return Err(StartError::LogMissing),
            Some(_) => {}
            None => {
                let mut batch = Batch::default();
                batch.put(IDENTITY.to_vec(), codec::encode(&(group, id)));
                state.commit(batch)?;
                state.flush()?;
            }
        }
        Ok(applied)
    });
    claimed.await.unwrap_or_else(|_| Err(StartError::Refused("reading the state panicked".to_owned())))
}

/// A sole voter is elected at once.
async fn elect_if_sole_voter(raft: &Raft<Types, Applier>, id: u64) {
    let voters: Vec<u64> = raft.metrics().borrow_watched().membership_config.voter_ids().collect();
    if voters == [id] {
        let _ = raft.trigger().elect(false).await;
    }
}
