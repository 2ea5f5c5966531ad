//! Recovery from permanent loss of a majority: one replica becomes the only voter of its group.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use openraft::storage::RaftLogStorage;
use openraft::{EntryPayload, RaftLogReader};
use protocol::codec;
use store::{Batch, NodeLog, Record, State};

use crate::log::{Log, bytes};
use crate::metadata::{APPLIED, IDENTITY, REPLICATED_FROM, applied_state};
use crate::start::StartError;
use crate::types::{Bytes, LogEntry, LogId, RaftNode, Vote};

/// Makes the replica with this state and log the only voter of its group, under the new Raft id `id`. The replica
/// must be closed. When it is started next, it leads with all entries in its log, including those that it does not
/// know to be committed, because a majority may have acknowledged them. Entries that it never received are lost. Only
/// an operator may therefore decide to do this, and the other replicas must never be started again.
///
/// For a state without a log and without a replica id (a restored backup), the group begins with that state. New
/// replicas receive it as a snapshot, since it is not in the log.
///
/// `payload` is appended behind all entries of the log: the state machine's own first step after the loss.
///
/// Safe to repeat; the payload is appended again then. Returns the Raft ids of all previous members that the log and the state contain, except `id`: they
/// must never be members again, nor make decisions among themselves.
///
/// # Errors
/// If the log or the state cannot be read or written.
pub async fn recover_as_sole_voter(
    group: &Arc<str>,
    id: u64,
    member: RaftNode,
    log: &Arc<NodeLog>,
    state: &Arc<dyn State>,
    payload: &[u8],
) -> Result<BTreeSet<u64>, StartError> {
    log.health()?;
    let store_error = |error: std::io::Error| StartError::Store(error.to_string());
    let mut own = Log::new(Arc::clone(group), Arc::clone(log), usize::MAX);
    let log_state = own.get_log_state().await.map_err(store_error)?;
    let known = log_state.last_log_id;
    let mut before = members_of(state).await?;
    let logged = log_state.last_purged_log_id.map_or(0, |purged| purged.index + 1)
        ..known.map_or(0, |last| last.index + 1);
    for entry in own.try_get_log_entries(logged).await.map_err(store_error)? {
        if let EntryPayload::Membership(membership) = entry.payload {
            before.extend(membership.nodes().map(|(id, _)| *id));
        }
    }
    before.remove(&id);
    let applied = applied_of(state).await?;
    if let Some(applied) = applied.filter(|applied| known.is_none_or(|known| known < *applied)) {
        // The log lacks entries that the state has applied, so it begins after them.
        let mark = bytes(&applied);
        own.write(Record::Purge { upto: applied.index, mark }).await.map_err(store_error)?;
    }
    let last = known.max(applied);
    let voted = own.read_vote().await.map_err(store_error)?.map_or(0, |vote| vote.leader_id.term);
    let term = voted.max(last.map_or(0, |last| last.leader_id.term)) + 1;
    let only = BTreeMap::from([(id, member)]);
    let membership = openraft::Membership::new(vec![BTreeSet::from([id])], only)
        .map_err(|error| StartError::Refused(error.to_string()))?;
    let index = last.map_or(0, |last| last.index + 1);
    let entries = vec![
        LogEntry {
            log_id: LogId::new_term_index(term, index),
            payload: EntryPayload::Membership(membership),
        },
        LogEntry {
            log_id: LogId::new_term_index(term, index + 1),
            payload: EntryPayload::Normal(Bytes(payload.into())),
        },
    ];
    own.write(Record::Vote(bytes(&Vote::new(term, id)))).await.map_err(store_error)?;
    let batch = Record::Batch { first: index, count: 2, bytes: bytes(&entries) };
    own.write(batch).await.map_err(store_error)?;
    // The log is written first: a state with the new id but without the log entries would wait for peers that it does
    // not have.
    let (state, name) = (Arc::clone(state), group.to_string());
    let written = tokio::task::spawn_blocking(move || {
        let mut batch = Batch::default();
        batch.put(IDENTITY.to_vec(), codec::encode(&(name, id)));
        state.commit(batch)?;
        state.flush()
    });
    written.await.map_err(|_| StartError::Refused("writing the state panicked".to_owned()))??;
    Ok(before)
}

/// The members as of the last applied entry, and the id of the replica that owns the state.
async fn members_of(state: &Arc<dyn State>) -> Result<BTreeSet<u64>, StartError> {
    let state = Arc::clone(state);
    let found = tokio::task::spawn_blocking(move || {
        let (_, membership) = applied_state(&*state)?;
        let own = crate::metadata::replica_id(&*state)?;
        Ok(membership.nodes().map(|(id, _)| *id).chain(own).collect())
    });
    found.await.map_err(|_| StartError::Refused("reading the state panicked".to_owned()))?
}

/// The last applied log id of the state. A state with rows but without an applied log id is treated as if it had
/// applied the first entry.
async fn applied_of(state: &Arc<dyn State>) -> Result<Option<LogId>, StartError> {
    let state = Arc::clone(state);
    let found = tokio::task::spawn_blocking(move || {
        let (applied, _) = applied_state(&*state)?;
        if applied.is_some() || state.scan(REPLICATED_FROM, Bound::Unbounded, 1, false)?.is_empty() {
            return Ok(applied);
        }
        let first = LogId::new_term_index(0, 0);
        let mut batch = Batch::default();
        batch.put(APPLIED.to_vec(), codec::encode(&first));
        state.commit(batch)?;
        Ok(Some(first))
    });
    found.await.map_err(|_| StartError::Refused("reading the state panicked".to_owned()))?
}
