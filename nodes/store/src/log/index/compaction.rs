//! Freeing old rows: which live records to relocate, and which rows are no longer needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Index, RecordKey, Row, Sequence};
use crate::log::record::{Record, Span};

/// Overhead of a row, in bytes, for the decision to relocate records.
const ROW_COST: u64 = 256;

/// A live record in an old row.
#[derive(Debug, Clone)]
pub(crate) struct LiveRecord {
    pub group: Arc<str>,
    pub key: RecordKey,
    pub sequence: Sequence,
    pub span: Span,
}

/// Content of a live record that is written again.
pub(crate) enum Current {
    Batch { first: u64, count: u32 },
    Mark(Record),
}

impl Index {
    /// The oldest row that is needed once the records `moving` are in the next row.
    pub(crate) fn tail_without(&self, moving: &[LiveRecord]) -> u64 {
        let mut leaving: BTreeMap<u64, u32> = BTreeMap::new();
        for live in moving {
            *leaving.entry(live.span.row).or_default() += 1;
        }
        let needed = |(row, state): &(&u64, &Row)| state.live > leaving.get(*row).copied().unwrap_or(0);
        self.rows.iter().find(needed).map_or(self.next_row, |(row, _)| *row)
    }

    /// Removes the rows before `tail` from the index and returns their numbers.
    pub(crate) fn remove_before_tail(&mut self, tail: u64) -> Vec<u64> {
        let kept = self.rows.split_off(&tail);
        let removed = std::mem::replace(&mut self.rows, kept);
        self.bytes -= removed.values().map(|row| row.bytes).sum::<u64>();
        removed.into_keys().collect()
    }

    /// Live records of the oldest rows, of about `step` bytes, if dead records outweigh live ones so far that
    /// relocation pays off: it then increases the bytes written by a third at most.
    pub(crate) fn compaction_candidates(&self, floor: u64, step: u64) -> Vec<LiveRecord> {
        let (rows, bytes, live) = self.totals();
        let mut candidates = Vec::new();
        if bytes + rows * ROW_COST < floor + 4 * live {
            return candidates;
        }
        let mut sum = 0;
        for (number, row) in &self.rows {
            for (name, key) in &row.contents {
                let Some((sequence, span)) = self.locate(name, *key).filter(|(_, span)| span.row == *number)
                else {
                    continue;
                };
                sum += u64::from(span.length);
                candidates.push(LiveRecord { group: Arc::clone(name), key: *key, sequence, span });
            }
            if sum >= step {
                break;
            }
        }
        candidates
    }

    /// The current content of a record, if it is still live.
    pub(crate) fn current(&self, live: &LiveRecord) -> Option<Current> {
        self.locate(&live.group, live.key).filter(|found| *found == (live.sequence, live.span))?;
        let group = self.groups.get(&live.group)?;
        Some(match live.key {
            RecordKey::Batch(first) => Current::Batch { first, count: group.batches.get(&first)?.count },
            RecordKey::Vote => Current::Mark(Record::Vote(group.vote()?)),
            RecordKey::Committed => Current::Mark(Record::Committed(group.committed()?)),
            RecordKey::Purged => {
                let (upto, mark) = group.purged()?;
                Current::Mark(Record::Purge { upto, mark })
            }
        })
    }
}
