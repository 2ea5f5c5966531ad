//! Journal: the changes of one flush are on disk completely before the first of them is applied to the tree. sled
//! applies single changes atomically, but a batch of thousands would block all readers of all trees in the process.
//!
//! One file, overwritten by each flush: `magic 8 | number u64 | length u64 | crc32 u32 | rows`, where a row is `key
//! length u32 | key | value length u32, or u32::MAX for a removed row | value`. All little-endian. Content that does
//! not match its checksum is an incomplete write and is ignored.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::fs::io_fault;
use crate::overlay::Changes;

const JOURNAL_FILE: &str = "journal";
const MAGIC: &[u8; 8] = b"aubjour1";
const HEAD_BYTES: usize = 28;
const REMOVED: u32 = u32::MAX;
/// A file that has grown beyond this is truncated to it by the next flush.
const RETAINED_BYTES: u64 = 8 << 20;

/// Journal of one state.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal in the state's directory, and creates it if missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let path = dir.join(JOURNAL_FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        Ok(Self { file: file.map_err(|error| io_fault(&path, &error))?, path })
    }

    /// Writes and syncs the changes of flush `number`, overwriting those of an earlier one.
    pub(crate) fn write(&self, number: u64, changes: &Changes) -> Result<(), Fault> {
        let bytes = encode(number, changes)?;
        let written = (|| {
            if self.file.metadata()?.len() > RETAINED_BYTES.max(bytes.len() as u64) {
                self.file.set_len(RETAINED_BYTES)?;
            }
            self.file.write_all_at(&bytes, 0)?;
            self.file.sync_data()
        })();
        written.map_err(|error| io_fault(&self.path, &error))
    }

    /// The number and the changes of the last flush, if they are complete.
    pub(crate) fn read(&self) -> Result<Option<(u64, Changes)>, Fault> {
        let mut head = [0; HEAD_BYTES];
        let failed = |error| io_fault(&self.path, &error);
        let file_length = self.file.metadata().map_err(failed)?.len();
        if file_length < HEAD_BYTES as u64 {
            return Ok(None);
        }
        self.file.read_exact_at(&mut head, 0).map_err(failed)?;
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let length = number(16);
        if head[..8] != *MAGIC || length > file_length - HEAD_BYTES as u64 {
            return Ok(None);
        }
        let mut rows = vec![0; usize::try_from(length).map_err(|error| Fault::Corrupt(error.to_string()))?];
        self.file.read_exact_at(&mut rows, HEAD_BYTES as u64).map_err(failed)?;
        if checksum(&head[8..24], &rows) != head[24..] {
            return Ok(None);
        }
        let changes = decode(&rows).ok_or_else(|| {
            Fault::Corrupt(format!(
                "{}: the rows are malformed although the checksum matches",
                self.path.display()
            ))
        })?;
        Ok(Some((number(8), changes)))
    }
}

fn checksum(head: &[u8], rows: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(rows);
    hasher.finalize().to_le_bytes()
}

fn encode(number: u64, changes: &Changes) -> Result<Vec<u8>, Fault> {
    let rows_bytes: usize =
        changes.iter().map(|(key, value)| 8 + key.len() + value.as_ref().map_or(0, Vec::len)).sum();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + rows_bytes);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&(rows_bytes as u64).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let length = |bytes: &[u8]| {
        u32::try_from(bytes.len())
            .ok()
            .filter(|length| *length < REMOVED)
            .ok_or_else(|| Fault::Io("a row is longer than 4 GiB".to_owned()))
    };
    for (key, value) in changes {
        bytes.extend_from_slice(&length(key)?.to_le_bytes());
        bytes.extend_from_slice(key);
        match value {
            Some(value) => {
                bytes.extend_from_slice(&length(value)?.to_le_bytes());
                bytes.extend_from_slice(value);
            }
            None => bytes.extend_from_slice(&REMOVED.to_le_bytes()),
        }
    }
    let sum = checksum(&bytes[8..24], &bytes[HEAD_BYTES..]);
    bytes[24..HEAD_BYTES].copy_from_slice(&sum);
    Ok(bytes)
}

fn decode(mut rows: &[u8]) -> Option<Changes> {
    fn length(rows: &mut &[u8]) -> Option<u32> {
        let (length, rest) = rows.split_first_chunk::<4>()?;
        *rows = rest;
        Some(u32::from_le_bytes(*length))
    }
    fn field(rows: &mut &[u8], length: u32) -> Option<Vec<u8>> {
        let (field, rest) = rows.split_at_checked(length as usize)?;
        *rows = rest;
        Some(field.to_vec())
    }
    let mut changes = Changes::new();
    while !rows.is_empty() {
        let key = length(&mut rows)?;
        let key = field(&mut rows, key)?;
        let value = match length(&mut rows)? {
            REMOVED => None,
            length => Some(field(&mut rows, length)?),
        };
        changes.insert(key, value);
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(count: u32) -> Changes {
        let value = |n: u32| (!n.is_multiple_of(3)).then(|| vec![n as u8; (n as usize * 7) % 900]);
        (0..count).map(|n| (n.to_be_bytes().to_vec(), value(n))).collect()
    }

    #[test]
    fn the_last_flush_is_read_back_completely_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        assert!(journal.read().unwrap().is_none());
        for (number, count) in [(1, 3000), (2, 10), (3, 0), (4, 500)] {
            journal.write(number, &changes(count)).unwrap();
            let again = Journal::open(dir.path()).unwrap();
            assert_eq!(again.read().unwrap(), Some((number, changes(count))));
        }
        let complete = std::fs::read(dir.path().join(JOURNAL_FILE)).unwrap();
        let length = encode(4, &changes(500)).unwrap().len();
        for at in [0, 8, 15, 16, 24, HEAD_BYTES, length / 2, length - 1] {
            let mut torn = complete.clone();
            torn[at] ^= 1;
            std::fs::write(dir.path().join(JOURNAL_FILE), torn).unwrap();
            assert!(Journal::open(dir.path()).unwrap().read().unwrap().is_none(), "byte {at}");
        }
        std::fs::write(dir.path().join(JOURNAL_FILE), &complete[..length - 1]).unwrap();
        assert!(Journal::open(dir.path()).unwrap().read().unwrap().is_none());
    }

    #[test]
    fn the_file_shrinks_after_a_large_flush() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let large = Changes::from([(vec![1], Some(vec![7; 3 * RETAINED_BYTES as usize]))]);
        journal.write(1, &large).unwrap();
        assert_eq!(journal.read().unwrap(), Some((1, large)));
        journal.write(2, &changes(5)).unwrap();
        assert_eq!(journal.read().unwrap(), Some((2, changes(5))));
        assert!(journal.file.metadata().unwrap().len() <= RETAINED_BYTES);
    }
}
