//! The last resort when a majority of a group is lost for good: one of its replicas goes on alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use openraft::storage::RaftLogStorage;
use openraft::{EntryPayload, RaftLogReader};
use protocol::codec;
use store::{Batch, NodeLog, Record, State};

use crate::log::{Log, bytes};
use crate::start::{IDENTITY, StartError};
use crate::state_machine::{APPLIED, REPLICATED_FROM, applied_state};
use crate::types::{LogEntry, LogId, RaftNode, Vote};

/// Makes the replica whose state and log these are the only voter of its group, under the new raft id `id`. It must be
/// closed; when it is started next, it leads with all that is in its log: also what its old leader had not told it to
/// be agreed on, since a majority may have acknowledged it. What it never heard of is lost, which is why only an operator
/// may decide this, and why the other replicas must never be started again.
///
/// Where there is a state without a log and without a replica's identity (a restore has laid it there), the group begins
/// with it: those who join get it as a snapshot, since no log tells of it.
///
/// Harmless when it is repeated. Brings the raft ids of all who were members before, as far as log and state tell, but for
/// `id`: these must never be members, nor make decisions among themselves, again.
///
/// # Errors
/// When log or state refuse.
pub async fn recover_as_sole_voter(
    group: &Arc<str>,
    id: u64,
    member: RaftNode,
    log: &Arc<NodeLog>,
    state: &Arc<dyn State>,
) -> Result<BTreeSet<u64>, StartError> {
    log.health()?;
    let refused = |error: std::io::Error| StartError::Store(error.to_string());
    let mut own = Log::new(Arc::clone(group), Arc::clone(log), usize::MAX);
    let kept = own.get_log_state().await.map_err(refused)?;
    let known = kept.last_log_id;
    let mut before = members_of(state).await?;
    let logged =
        kept.last_purged_log_id.map_or(0, |purged| purged.index + 1)..known.map_or(0, |last| last.index + 1);
    for entry in own.try_get_log_entries(logged).await.map_err(refused)? {
        if let EntryPayload::Membership(membership) = entry.payload {
            before.extend(membership.nodes().map(|(id, _)| *id));
        }
    }
    before.remove(&id);
    let applied = applied_of(state).await?;
    if let Some(applied) = applied.filter(|applied| known.is_none_or(|known| known < *applied)) {
        // The log has none of what the state says was in it: it begins behind that.
        let mark = bytes(&applied);
        own.write(Record::Purge { upto: applied.index, mark }).await.map_err(refused)?;
    }
    let last = known.max(applied);
    let voted = own.read_vote().await.map_err(refused)?.map_or(0, |vote| vote.leader_id.term);
    let term = voted.max(last.map_or(0, |last| last.leader_id.term)) + 1;
    let only = BTreeMap::from([(id, member)]);
    let membership = openraft::Membership::new(vec![BTreeSet::from([id])], only)
        .map_err(|error| StartError::Refused(error.to_string()))?;
    let index = last.map_or(0, |last| last.index + 1);
    let entry = LogEntry {
        log_id: LogId::new_term_index(term, index),
        payload: EntryPayload::Membership(membership),
    };
    own.write(Record::Vote(bytes(&Vote::new(term, id)))).await.map_err(refused)?;
    let batch = Record::Batch { first: index, count: 1, bytes: bytes(&vec![entry]) };
    own.write(batch).await.map_err(refused)?;
    // The log first: a state of the new id without it would wait for peers that it does not have.
    let (state, name) = (Arc::clone(state), group.to_string());
    let renamed = tokio::task::spawn_blocking(move || {
        let mut batch = Batch::default();
        batch.put(IDENTITY.to_vec(), codec::encode(&(name, id)));
        state.commit(batch)?;
        state.flush()
    });
    renamed.await.map_err(|_| StartError::Refused("writing the state panicked".to_owned()))??;
    Ok(before)
}

/// Who the members are as of the last entry that was applied, and whose state this is.
async fn members_of(state: &Arc<dyn State>) -> Result<BTreeSet<u64>, StartError> {
    let state = Arc::clone(state);
    let found = tokio::task::spawn_blocking(move || {
        let (_, membership) = applied_state(&*state)?;
        let own = crate::start::replica_id(&*state)?;
        Ok(membership.nodes().map(|(id, _)| *id).chain(own).collect())
    });
    found.await.map_err(|_| StartError::Refused("reading the state panicked".to_owned()))?
}

/// Which entry the state has applied last. Rows of nobody's count as the first entry of a log that is not there.
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
