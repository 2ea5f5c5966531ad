//! The thread that writes the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::index::{Current, LiveRecord, RecordKey, Sequence, record_key};
use super::record::{Record, RowWriter, Span, read_batch};
use super::{Done, LogState, Shared};
use crate::fault::Fault;

/// Maximum number of rows removed after one flush: removing is slower than writing, and writers wait.
const REMOVALS_PER_FLUSH: usize = 256;

/// A queued record, or a barrier, or both.
pub(crate) struct Job {
    pub record: Option<(Arc<str>, Record, Sequence)>,
    pub done: Option<Done>,
}

/// A live record of an old row, with its bytes if it is a batch.
struct Candidate {
    live: LiveRecord,
    bytes: Option<Arc<[u8]>>,
}

pub(crate) fn run(shared: &Shared) {
    let mut candidates = Vec::new();
    let mut dead = Vec::new();
    loop {
        let mut state = wait(shared);
        if state.queue.is_empty() {
            return;
        }
        let jobs = std::mem::take(&mut state.queue);
        state.awaited = 0;
        // The queue is taken and the index is read under one lock, so the records that are live now are those that
        // are live after replaying all rows and the queue.
        let relocated: Vec<(Candidate, Current)> = candidates
            .drain(..)
            .filter_map(|candidate: Candidate| {
                state.index.current(&candidate.live).map(|now| (candidate, now))
            })
            .collect();
        let row = state.index.next_row();
        let moving: Vec<LiveRecord> = relocated.iter().map(|(candidate, _)| candidate.live.clone()).collect();
        let tail = state.index.tail_without(&moving);
        drop(state);

        let (written, dones) = write(shared, row, tail, jobs, relocated);
        let mut state = shared.lock();
        let outcome = match written {
            Ok(settled) => {
                if let Some((placed, bytes)) = settled {
                    state.index.add_row(row, bytes);
                    for Placed { group, key, sequence, span } in placed {
                        state.index.set_location(&group, key, sequence, span);
                    }
                    dead.extend(state.index.remove_before_tail(tail));
                }
                Ok(state.index.compaction_candidates(
                    shared.settings.compaction_floor_bytes,
                    shared.settings.compaction_step_bytes,
                ))
            }
            Err(fault) => {
                tracing::error!(%fault, "cannot write the log; all further writes fail");
                state.failed = Some(fault.clone());
                let left = std::mem::take(&mut state.queue);
                state.awaited = 0;
                Err((fault, left))
            }
        };
        drop(state);
        match outcome {
            Ok(records) => {
                dones.into_iter().for_each(|done| done(Ok(())));
                // A fault here is reported by the next write. Until then, old rows are merely kept too long.
                candidates = fetch(shared, records).unwrap_or_default();
                let now: Vec<u64> = dead.drain(..dead.len().min(REMOVALS_PER_FLUSH)).collect();
                if let Err(fault) = shared.storage.remove(&now) {
                    tracing::warn!(%fault, "cannot remove old rows of the log");
                }
            }
            Err((fault, left)) => {
                let left = left.into_iter().filter_map(|job| job.done);
                dones.into_iter().chain(left).for_each(|done| done(Err(fault.clone())));
            }
        }
    }
}

/// Waits until there is something to write: an item with a callback, an item older than `linger`, or the end of the
/// log.
fn wait(shared: &Shared) -> std::sync::MutexGuard<'_, LogState> {
    let mut state = shared.lock();
    let mut until = None;
    loop {
        if state.closing || state.awaited > 0 {
            return state;
        }
        if state.queue.is_empty() {
            state = shared.wake.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            continue;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + shared.settings.linger);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return state;
        }
        state = shared.wake.wait_timeout(state, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
    }
}

/// A written record and its location.
struct Placed {
    group: Arc<str>,
    key: RecordKey,
    sequence: Sequence,
    span: Span,
}

type Written = Result<Option<(Vec<Placed>, usize)>, Fault>;

fn write(
    shared: &Shared,
    row: u64,
    tail: u64,
    jobs: Vec<Job>,
    relocated: Vec<(Candidate, Current)>,
) -> (Written, Vec<Done>) {
    let mut writer = RowWriter::new(row);
    let mut placed = Vec::with_capacity(jobs.len() + relocated.len());
    let mut dones = Vec::new();
    // Only the last of several committed marks of a group is written.
    let mut committed: BTreeMap<Arc<str>, (Record, Sequence)> = BTreeMap::new();
    for Job { record, done } in jobs {
        dones.extend(done);
        match record {
            None => {}
            Some((group, record @ Record::Committed(_), sequence)) => {
                committed.insert(group, (record, sequence));
            }
            Some((group, record, sequence)) => {
                if let Record::Drop = record {
                    committed.remove(&group);
                }
                let span = writer.push(&group, &record);
                placed.extend(record_key(&record).map(|key| Placed { group, key, sequence, span }));
            }
        }
    }
    for (group, (record, sequence)) in committed {
        let span = writer.push(&group, &record);
        placed.push(Placed { group, key: RecordKey::Committed, sequence, span });
    }
    if writer.records() == 0 {
        // Only barriers: everything is already written.
        return (Ok(None), dones);
    }
    for (Candidate { live: LiveRecord { group, key, sequence, .. }, bytes }, current) in relocated {
        let span = match (current, bytes) {
            (Current::Batch { first, count }, Some(bytes)) => {
                writer.push_relocated(&group, first, count, &bytes)
            }
            (Current::Mark(record), _) => writer.push(&group, &record),
            (Current::Batch { .. }, None) => {
                unreachable!("the bytes of a batch are fetched before it is relocated")
            }
        };
        placed.push(Placed { group, key, sequence, span });
    }
    let (length, records) = (writer.len(), u64::from(writer.records()));
    let bytes = writer.finish(tail);
    let result = shared.storage.put(row, bytes).and_then(|()| shared.storage.sync());
    shared.flushes.fetch_add(1, Ordering::Relaxed);
    shared.records.fetch_add(records, Ordering::Relaxed);
    (result.map(|()| Some((placed, length))), dones)
}

fn fetch(shared: &Shared, records: Vec<LiveRecord>) -> Result<Vec<Candidate>, Fault> {
    let mut candidates = Vec::with_capacity(records.len());
    for live in records {
        let bytes = match live.key {
            RecordKey::Batch(first) => {
                match shared.storage.read(live.span.row, live.span.offset, live.span.length)? {
                    Some(raw) => Some(read_batch(&raw, &live.group, first)?),
                    None => continue,
                }
            }
            RecordKey::Vote | RecordKey::Committed | RecordKey::Purged => None,
        };
        candidates.push(Candidate { live, bytes });
    }
    Ok(candidates)
}
