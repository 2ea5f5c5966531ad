//! Encoding of records and rows.
//!
//! A row: `version u8 | tail u64 | number of records u32 | crc32 of those u32`, then its records: `crc32 of the rest
//! u32 | length of the rest u32 | kind u8 | length of the group's name u8 | name | body`. The tail is the oldest row
//! that was needed when this one was written. All little-endian.

use std::sync::Arc;

use crate::fault::Fault;

const VERSION: u8 = 1;
const ROW_HEAD: usize = 1 + 8 + 4 + 4;
const RECORD_HEAD: usize = 4 + 4;
const BATCH_HEAD: usize = 8 + 4;
/// Maximum length of a group's name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// A record that a group submits to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Consecutive entries. Supersedes all entries from `first` on.
    Batch {
        /// Index of the first entry.
        first: u64,
        /// Number of entries, at least one.
        count: u32,
        /// The encoded entries.
        bytes: Arc<[u8]>,
    },
    /// Removes the entries from this index on.
    Truncate {
        /// The first removed index.
        from: u64,
    },
    /// Removes the entries up to this index, inclusive.
    Purge {
        /// The last removed index.
        upto: u64,
        /// Stored with it.
        mark: Arc<[u8]>,
    },
    /// Replaces the previous one.
    Vote(Arc<[u8]>),
    /// Replaces the previous one.
    Committed(Arc<[u8]>),
    /// Removes all records of the group, including its vote.
    Drop,
}

/// A record read from a row.
#[derive(Debug)]
pub(crate) enum Found {
    Plain(Record),
    /// Entries relocated from an older row. They replace the same entries there and supersede nothing else.
    Relocated {
        first: u64,
        count: u32,
    },
}

/// Location of a record within a row, including its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub row: u64,
    pub offset: u32,
    pub length: u32,
}

/// A row that is being written.
pub(crate) struct RowWriter {
    bytes: Vec<u8>,
    records: u32,
    row: u64,
}

impl RowWriter {
    pub(crate) fn new(row: u64) -> Self {
        Self { bytes: vec![0; ROW_HEAD], records: 0, row }
    }

    pub(crate) fn push(&mut self, group: &str, record: &Record) -> Span {
        self.record(group, kind(record), |bytes| match record {
            Record::Batch { first, count, bytes: batch } => batch_body(bytes, *first, *count, batch),
            Record::Truncate { from } => bytes.extend_from_slice(&from.to_le_bytes()),
            Record::Purge { upto, mark } => {
                bytes.extend_from_slice(&upto.to_le_bytes());
                bytes.extend_from_slice(mark);
            }
            Record::Vote(mark) | Record::Committed(mark) => bytes.extend_from_slice(mark),
            Record::Drop => {}
        })
    }

    pub(crate) fn push_relocated(&mut self, group: &str, first: u64, count: u32, batch: &[u8]) -> Span {
        self.record(group, RELOCATED, |bytes| batch_body(bytes, first, count, batch))
    }

    fn record(&mut self, group: &str, kind: u8, body: impl FnOnce(&mut Vec<u8>)) -> Span {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&[0; RECORD_HEAD]);
        self.bytes.push(kind);
        self.bytes.push(u8::try_from(group.len()).expect("names of groups are short"));
        self.bytes.extend_from_slice(group.as_bytes());
        body(&mut self.bytes);
        let length = self.bytes.len() - offset;
        let rest = u32::try_from(length - RECORD_HEAD).expect("records are shorter than 4 GiB");
        self.bytes[offset + 4..offset + 8].copy_from_slice(&rest.to_le_bytes());
        let sum = crc32fast::hash(&self.bytes[offset + 4..]);
        self.bytes[offset..offset + 4].copy_from_slice(&sum.to_le_bytes());
        self.records += 1;
        let fits = |n: usize| u32::try_from(n).expect("rows are shorter than 4 GiB");
        Span { row: self.row, offset: fits(offset), length: fits(length) }
    }

    pub(crate) fn finish(mut self, tail: u64) -> Vec<u8> {
        self.bytes[0] = VERSION;
        self.bytes[1..9].copy_from_slice(&tail.to_le_bytes());
        self.bytes[9..13].copy_from_slice(&self.records.to_le_bytes());
        let sum = crc32fast::hash(&self.bytes[..13]);
        self.bytes[13..17].copy_from_slice(&sum.to_le_bytes());
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn records(&self) -> u32 {
        self.records
    }
}

const BATCH: u8 = 1;
const RELOCATED: u8 = 2;
const TRUNCATE: u8 = 3;
const PURGE: u8 = 4;
const VOTE: u8 = 5;
const COMMITTED: u8 = 6;
const DROP: u8 = 7;

fn kind(record: &Record) -> u8 {
    match record {
        Record::Batch { .. } => BATCH,
        Record::Truncate { .. } => TRUNCATE,
        Record::Purge { .. } => PURGE,
        Record::Vote(_) => VOTE,
        Record::Committed(_) => COMMITTED,
        Record::Drop => DROP,
    }
}

fn batch_body(bytes: &mut Vec<u8>, first: u64, count: u32, batch: &[u8]) {
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(batch);
}

/// The tail of a row.
pub(crate) fn tail(row: u64, bytes: &[u8]) -> Result<u64, Fault> {
    head(row, bytes).map(|(tail, _)| tail)
}

fn head(row: u64, bytes: &[u8]) -> Result<(u64, u32), Fault> {
    let head = bytes.get(..ROW_HEAD).ok_or_else(|| damaged(row))?;
    if crc32fast::hash(&head[..13]).to_le_bytes() != head[13..17] {
        return Err(damaged(row));
    }
    if head[0] != VERSION {
        return Err(Fault::Corrupt(format!(
            "row {row} of the log has format {}, which this version does not support",
            head[0]
        )));
    }
    let tail = u64::from_le_bytes(head[1..9].try_into().expect("eight bytes"));
    Ok((tail, u32::from_le_bytes(head[9..13].try_into().expect("four bytes"))))
}

/// All records of a row, with the names of their groups and their locations.
pub(crate) fn read_row(row: u64, bytes: &[u8]) -> Result<Vec<(&str, Found, Span)>, Fault> {
    let (_, count) = head(row, bytes)?;
    let mut at = ROW_HEAD;
    let mut records = Vec::new();
    for _ in 0..count {
        let (group, found, length) = read_record(&bytes[at..]).ok_or_else(|| damaged(row))?;
        let fits = |n: usize| u32::try_from(n).map_err(|_| damaged(row));
        records.push((group, found, Span { row, offset: fits(at)?, length: fits(length)? }));
        at += length;
    }
    if at == bytes.len() { Ok(records) } else { Err(damaged(row)) }
}

/// The entries of a batch, decoded from a record, which must be that of `group` with the first index `first`.
pub(crate) fn read_batch(bytes: &[u8], group: &str, first: u64) -> Result<Arc<[u8]>, Fault> {
    let wrong = || Fault::Corrupt(format!("the log's entries of {group} from {first} on are damaged"));
    let (rest, kind, name, length) = split_record(bytes).ok_or_else(wrong)?;
    let (begins, _, batch) = split_batch(rest).ok_or_else(wrong)?;
    if name != group || begins != first || length != bytes.len() || (kind != BATCH && kind != RELOCATED) {
        return Err(wrong());
    }
    Ok(batch.into())
}

fn read_record(bytes: &[u8]) -> Option<(&str, Found, usize)> {
    let (body, kind, name, length) = split_record(bytes)?;
    let number = || body.split_first_chunk::<8>().map(|(number, rest)| (u64::from_le_bytes(*number), rest));
    let found = match kind {
        BATCH => {
            let (first, count, batch) = split_batch(body)?;
            Found::Plain(Record::Batch { first, count, bytes: batch.into() })
        }
        RELOCATED => {
            let (first, count, _) = split_batch(body)?;
            Found::Relocated { first, count }
        }
        TRUNCATE => Found::Plain(Record::Truncate { from: number()?.0 }),
        PURGE => {
            let (upto, mark) = number()?;
            Found::Plain(Record::Purge { upto, mark: mark.into() })
        }
        VOTE => Found::Plain(Record::Vote(body.into())),
        COMMITTED => Found::Plain(Record::Committed(body.into())),
        DROP => Found::Plain(Record::Drop),
        _ => return None,
    };
    Some((name, found, length))
}

/// Body, kind, name and total length of the record at the beginning of `bytes`, if its checksum matches.
fn split_record(bytes: &[u8]) -> Option<(&[u8], u8, &str, usize)> {
    let (sum, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*rest.first_chunk::<4>()?) as usize;
    let summed = rest.get(..4 + length)?;
    if crc32fast::hash(summed).to_le_bytes() != *sum {
        return None;
    }
    let (&kind, rest) = summed[4..].split_first()?;
    let (&name_length, rest) = rest.split_first()?;
    let (name, body) = rest.split_at_checked(name_length.into())?;
    Some((body, kind, std::str::from_utf8(name).ok()?, RECORD_HEAD + length))
}

fn split_batch(body: &[u8]) -> Option<(u64, u32, &[u8])> {
    let (head, batch) = body.split_at_checked(BATCH_HEAD)?;
    let (first, count) = head.split_at(8);
    Some((u64::from_le_bytes(first.try_into().ok()?), u32::from_le_bytes(count.try_into().ok()?), batch))
}

fn damaged(row: u64) -> Fault {
    Fault::Corrupt(format!("row {row} of the log is damaged"))
}
