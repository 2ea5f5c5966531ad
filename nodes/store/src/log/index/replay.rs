//! Building the index from the stored rows.

use std::sync::Arc;

use super::{Batch, Index, Location, RecordKey, Sequence, last_of, record_key};
use crate::fault::Fault;
use crate::log::record::{self, Found};
use crate::log::storage::LogStorage;

/// Builds the index from the rows of `storage`.
pub(crate) fn replay(storage: &dyn LogStorage) -> Result<Index, Fault> {
    let mut index = Index { next_row: 1, ..Index::default() };
    let Some(last) = storage.last()? else { return Ok(index) };
    let newest = storage.row(last)?.ok_or_else(|| missing(last))?;
    let tail = record::tail(last, &newest)?;
    for row in tail..=last {
        let bytes = storage.row(row)?.ok_or_else(|| missing(row))?;
        index.add_row(row, bytes.len());
        for (name, found, span) in record::read_row(row, &bytes)? {
            let name =
                index.groups.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Arc::clone(name));
            let (key, sequence) = match found {
                Found::Plain(record) => (record_key(&record), index.accept(&name, &record)),
                Found::Relocated { first, count } => {
                    (Some(RecordKey::Batch(first)), index.accept_relocated(&name, first, count))
                }
            };
            if let Some(key) = key {
                index.set_location(&name, key, sequence, span);
            }
        }
    }
    index.check()?;
    // Rows before the tail remain only if a crash prevented their removal.
    storage.remove_before(tail)?;
    Ok(index)
}

fn missing(row: u64) -> Fault {
    Fault::Corrupt(format!("row {row} of the log is missing"))
}

impl Index {
    /// Adds a relocated batch during replay.
    fn accept_relocated(&mut self, name: &Arc<str>, first: u64, count: u32) -> Sequence {
        self.sequence += 1;
        let location = Location::Pending(Arc::from([]));
        let batch = Batch { sequence: self.sequence, count, location };
        let group = self.groups.entry(Arc::clone(name)).or_default();
        if let Some(span) = group.batches.insert(first, batch).and_then(|old| old.location.span()) {
            self.release(span);
        }
        self.sequence
    }

    /// Checks that the entries of each group follow each other, and the purged index, without a gap.
    fn check(&self) -> Result<(), Fault> {
        for (name, group) in &self.groups {
            let mut next = group.purged.as_ref().map(|(upto, _)| upto + 1);
            for (first, batch) in &group.batches {
                if next.is_some_and(|next| *first > next) {
                    return Err(Fault::Corrupt(format!("the log lacks entries of {name} before {first}")));
                }
                next = Some(last_of(*first, batch.count) + 1);
            }
        }
        Ok(())
    }
}
