//! Index of the live records of the log and their locations.

mod compaction;
mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{NAME_BYTES_MAX, Record, Span};

pub(crate) use compaction::{Current, LiveRecord};
pub(crate) use replay::replay;

/// Numbers records by submission. Prevents that the location of an old record is assigned to a newer one with the
/// same key.
pub(crate) type Sequence = u64;

#[derive(Default)]
pub(crate) struct Index {
    groups: BTreeMap<Arc<str>, Group>,
    rows: BTreeMap<u64, Row>,
    next_row: u64,
    sequence: Sequence,
    /// Sums over `rows`. Cached, because they are needed at each flush.
    bytes: u64,
    live_bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    batches: BTreeMap<u64, Batch>,
    vote: Option<Mark>,
    committed: Option<Mark>,
    purged: Option<(u64, Mark)>,
}

#[derive(Debug)]
struct Batch {
    sequence: Sequence,
    count: u32,
    location: Location,
}

#[derive(Debug)]
struct Mark {
    sequence: Sequence,
    bytes: Arc<[u8]>,
    span: Option<Span>,
}

/// Location of the bytes of a batch.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    Pending(Arc<[u8]>),
    Stored(Span),
}

/// Identifies a record within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKey {
    Batch(u64),
    Vote,
    Committed,
    Purged,
}

#[derive(Debug, Default)]
struct Row {
    bytes: u64,
    live: u32,
    contents: Vec<(Arc<str>, RecordKey)>,
}

impl Group {
    pub(crate) fn vote(&self) -> Option<Arc<[u8]>> {
        self.vote.as_ref().map(|mark| Arc::clone(&mark.bytes))
    }

    pub(crate) fn committed(&self) -> Option<Arc<[u8]>> {
        self.committed.as_ref().map(|mark| Arc::clone(&mark.bytes))
    }

    pub(crate) fn purged(&self) -> Option<(u64, Arc<[u8]>)> {
        self.purged.as_ref().map(|(upto, mark)| (*upto, Arc::clone(&mark.bytes)))
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.batches.last_key_value().map(|(first, batch)| last_of(*first, batch.count))
    }
}

impl Index {
    /// Adds a record that is not written yet.
    pub(crate) fn accept(&mut self, name: &Arc<str>, record: &Record) -> Sequence {
        assert!(name.len() <= NAME_BYTES_MAX, "group names have at most {NAME_BYTES_MAX} bytes");
        self.sequence += 1;
        let sequence = self.sequence;
        let mark = |bytes: &Arc<[u8]>| Mark { sequence, bytes: Arc::clone(bytes), span: None };
        if let Record::Drop = record {
            if let Some(group) = self.groups.remove(name) {
                let batches = group.batches.into_values().map(|batch| batch.location.span());
                let marks = [group.vote, group.committed, group.purged.map(|(_, mark)| mark)];
                let marks = marks.into_iter().flatten().map(|mark| mark.span);
                let spans: Vec<_> = batches.chain(marks).flatten().collect();
                spans.into_iter().for_each(|span| self.release(span));
            }
            return sequence;
        }
        let group = self.groups.entry(Arc::clone(name)).or_default();
        let mut released = Vec::new();
        match record {
            Record::Batch { first, count, bytes } => {
                truncate(group, *first, &mut released);
                let location = Location::Pending(Arc::clone(bytes));
                group.batches.insert(*first, Batch { sequence, count: *count, location });
            }
            Record::Truncate { from } => truncate(group, *from, &mut released),
            Record::Purge { upto, mark: bytes } => {
                // A purge to a lower index than the previous one is ignored: the entries in between are already
                // removed.
                if group.purged.as_ref().is_none_or(|(old, _)| old <= upto) {
                    released
                        .extend(group.purged.replace((*upto, mark(bytes))).and_then(|(_, mark)| mark.span));
                    while let Some(batch) = group.batches.first_entry() {
                        if last_of(*batch.key(), batch.get().count) > *upto {
                            break;
                        }
                        released.extend(batch.remove().location.span());
                    }
                }
            }
            Record::Vote(bytes) => {
                released.extend(group.vote.replace(mark(bytes)).and_then(|mark| mark.span));
            }
            Record::Committed(bytes) => {
                released.extend(group.committed.replace(mark(bytes)).and_then(|mark| mark.span));
            }
            Record::Drop => {}
        }
        released.into_iter().for_each(|span| self.release(span));
        sequence
    }

    /// Sets the location of a record that was written at `span`, if it is still live.
    pub(crate) fn set_location(&mut self, name: &Arc<str>, key: RecordKey, sequence: Sequence, span: Span) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let old = match key {
            RecordKey::Batch(first) => match group.batches.get_mut(&first) {
                Some(batch) if batch.sequence == sequence => {
                    std::mem::replace(&mut batch.location, Location::Stored(span)).span()
                }
                _ => return,
            },
            RecordKey::Vote | RecordKey::Committed | RecordKey::Purged => match group.mark_mut(key) {
                Some(mark) if mark.sequence == sequence => mark.span.replace(span),
                _ => return,
            },
        };
        if let Some(old) = old {
            self.release(old);
        }
        let row = self.rows.entry(span.row).or_default();
        row.live += 1;
        self.live_bytes += u64::from(span.length);
        row.contents.push((Arc::clone(name), key));
    }

    fn release(&mut self, span: Span) {
        if let Some(row) = self.rows.get_mut(&span.row) {
            row.live -= 1;
            self.live_bytes -= u64::from(span.length);
        }
    }

    /// Batches that contain entries of `from..to`.
    pub(crate) fn find(&self, name: &str, from: u64, to: u64) -> Vec<(u64, u32, Location)> {
        let Some(group) = self.groups.get(name) else { return Vec::new() };
        if from >= to {
            return Vec::new();
        }
        let before = group.batches.range(..from).next_back();
        before
            .filter(|(first, batch)| last_of(**first, batch.count) >= from)
            .into_iter()
            .chain(group.batches.range(from..to))
            .map(|(first, batch)| (*first, batch.count, batch.location.clone()))
            .collect()
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.groups.keys().map(ToString::to_string).collect()
    }

    /// Number of rows, their bytes, and the bytes of live records in them.
    pub(crate) fn totals(&self) -> (u64, u64, u64) {
        (self.rows.len() as u64, self.bytes, self.live_bytes)
    }

    pub(crate) fn next_row(&self) -> u64 {
        self.next_row
    }

    /// Adds a row that was written.
    pub(crate) fn add_row(&mut self, row: u64, bytes: usize) {
        self.next_row = row + 1;
        self.rows.entry(row).or_default().bytes = bytes as u64;
        self.bytes += bytes as u64;
    }

    fn locate(&self, name: &str, key: RecordKey) -> Option<(Sequence, Span)> {
        let group = self.groups.get(name)?;
        match key {
            RecordKey::Batch(first) => {
                let batch = group.batches.get(&first)?;
                Some((batch.sequence, batch.location.span()?))
            }
            RecordKey::Vote => group.vote.as_ref().and_then(Mark::location),
            RecordKey::Committed => group.committed.as_ref().and_then(Mark::location),
            RecordKey::Purged => group.purged.as_ref().and_then(|(_, mark)| mark.location()),
        }
    }
}

impl Group {
    fn mark_mut(&mut self, key: RecordKey) -> Option<&mut Mark> {
        match key {
            RecordKey::Vote => self.vote.as_mut(),
            RecordKey::Committed => self.committed.as_mut(),
            RecordKey::Purged => self.purged.as_mut().map(|(_, mark)| mark),
            RecordKey::Batch(_) => None,
        }
    }
}

impl Mark {
    fn location(&self) -> Option<(Sequence, Span)> {
        Some((self.sequence, self.span?))
    }
}

impl Location {
    fn span(&self) -> Option<Span> {
        match self {
            Self::Pending(_) => None,
            Self::Stored(span) => Some(*span),
        }
    }
}

/// The key of a record. `None` if it only supersedes others.
pub(crate) fn record_key(record: &Record) -> Option<RecordKey> {
    match record {
        Record::Batch { first, .. } => Some(RecordKey::Batch(*first)),
        Record::Vote(_) => Some(RecordKey::Vote),
        Record::Committed(_) => Some(RecordKey::Committed),
        Record::Purge { .. } => Some(RecordKey::Purged),
        Record::Truncate { .. } | Record::Drop => None,
    }
}

fn last_of(first: u64, count: u32) -> u64 {
    first + u64::from(count.max(1)) - 1
}

fn truncate(group: &mut Group, from: u64, released: &mut Vec<Span>) {
    released.extend(group.batches.split_off(&from).into_values().filter_map(|batch| batch.location.span()));
    if let Some(mut batch) = group.batches.last_entry() {
        let first = *batch.key();
        if last_of(first, batch.get().count) >= from {
            batch.get_mut().count = u32::try_from(from - first).expect("less than the previous count");
        }
    }
}
