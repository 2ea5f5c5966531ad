//! Starting a replica: only on a log and a state that belong to each other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use protocol::codec;
use store::{Batch, Fault, NodeLog, Row, State};
use tokio::sync::{Mutex, watch};

use crate::heartbeat;
use crate::log::Log;
use crate::network::{Network, PeerFactory};
use crate::options::Options;
use crate::purge::purge_periodically;
use crate::replica::{Inner, Replica};
use crate::role::{Role, track_role};
use crate::shared::{Shared, StopReason};
use crate::staleness::LastContact;
use crate::state_machine::{Applier, StateMachine, applied_state, mark};
use crate::types::{LogId, Types};
use crate::wire::RpcHandler;

/// The row that says whose state this is: the group's name and the replica's raft id. On disk before anything else.
pub(crate) const IDENTITY: &[u8] = b"\0replica";

/// Why a replica cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The log, or the state, or what is in them.
    #[error("{0}")]
    Store(String),
    /// The machine failed on an entry that is committed, and is replayed at each start.
    #[error("{0}")]
    StateMachine(String),
    /// The state is another replica's.
    #[error("this is the state of replica {found_id} of {found_group}")]
    Identity {
        /// Whose group's it is.
        found_group: String,
        /// Whose it is.
        found_id: u64,
    },
    /// The state has applied what the log knows nothing of, not even a vote: to go on could be to vote twice.
    #[error("the log of this replica is gone")]
    LogMissing,
    /// The settings contradict each other, or consensus does not start for another reason.
    #[error("{0}")]
    Refused(String),
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.to_string())
    }
}

/// The raft id of the replica whose state this is; none for a fresh state.
///
/// # Errors
/// When the state cannot be read.
pub fn replica_id(state: &dyn State) -> Result<Option<u64>, Fault> {
    Ok(mark::<(String, u64)>(state, IDENTITY)?.map(|(_, id)| id))
}

/// The number of the entry that was applied to a state last; none for a fresh state. Read while nothing lands there, it
/// belongs to the rows beside it.
///
/// # Errors
/// When the state cannot be read.
pub fn applied_index(state: &dyn State) -> Result<Option<u64>, Fault> {
    Ok(mark::<LogId>(state, crate::state_machine::APPLIED)?.map(|log_id| log_id.index))
}

/// The row behind [`identity`], for a state that is about to be replaced.
pub(crate) fn identity_row(state: &dyn State) -> Result<Option<Row>, Fault> {
    Ok(state.get(IDENTITY)?.map(|value| (IDENTITY.to_vec(), value)))
}

/// See [`Replica::start`].
pub(crate) async fn start(
    options: Options,
    log: Arc<NodeLog>,
    state: Arc<dyn State>,
    machine: Arc<dyn StateMachine>,
    network: Arc<dyn Network>,
) -> Result<Replica, StartError> {
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
    let raft =
        Raft::new(id, Arc::new(config), peers, storage, applier).await.map_err(|fatal| {
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
    Ok(Replica::new(Inner {
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

/// Sees to it that log and state are this replica's; says which entry was applied last.
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
        match mark::<(String, u64)>(&*state, IDENTITY)? {
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

/// A sole voter has nobody to wait for.
async fn elect_if_sole_voter(raft: &Raft<Types, Applier>, id: u64) {
    let voters: Vec<u64> = raft.metrics().borrow_watched().membership_config.voter_ids().collect();
    if voters == [id] {
        let _ = raft.trigger().elect(false).await;
    }
}
