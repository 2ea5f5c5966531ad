//! Rows on disk, in segment files of fixed size. Files are overwritten rather than appended to, since an fsync of
//! allocated blocks is about twice as fast as one that extends a file.
//!
//! `DIR/NUMBER.rows`: a segment, named by its first row (16 hexadecimal digits). Header of 16 bytes: `AUBROWS`, the
//! format version, the number of the first row (8 bytes, little-endian). Then rows, one after the other: checksum (4
//! bytes, over the checksum of the previous row and all that follows), length (4), number (8), bytes. Numbers have no
//! gaps, within a segment and between segments.
//!
//! The last row is followed by zeroes, by rows of an earlier use of the file (with lower numbers), or by rows that
//! reached the disk before a preceding row that did not (their checksum chain does not match).
//!
//! `DIR/spare-N`: files for reuse. `DIR/synced`: the last row that is known to be on disk.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::segment::{FRAME_BYTES, SEGMENT_BYTES, Segment, checksum, head};
use super::storage::{LogStorage, part};
use crate::fault::Fault;
use crate::fs::{io_fault, private_dir};
use crate::sync_marker::SyncMarker;

/// Maximum number of files kept for reuse.
const SPARES_MAX: usize = 4;

/// Rows in a directory. See the module documentation.
#[derive(Debug)]
pub struct SegmentLogStorage {
    dir: PathBuf,
    marker: SyncMarker,
    state: Mutex<Segments>,
}

#[derive(Debug, Default)]
struct Segments {
    /// Oldest first. All except the newest are full and synced.
    live: VecDeque<Segment>,
    /// Rows before this one are removed, whether or not their segment still exists.
    tail: u64,
    spares: Vec<PathBuf>,
    spares_made: u64,
}

impl SegmentLogStorage {
    /// Opens the rows in `dir`, and creates the directory (mode 0700) if missing.
    ///
    /// # Errors
    /// [`Fault::Io`] if the file system fails; [`Fault::Corrupt`], with the file, if synced rows are damaged or
    /// missing.
    pub fn open(dir: &Path) -> Result<Self, Fault> {
        private_dir(dir)?;
        let marker = SyncMarker::open(dir)?;
        let mut segments = Segments::default();
        let mut found = Vec::new();
        for entry in dir.read_dir().map_err(|error| io_fault(dir, &error))? {
            let path = entry.map_err(|error| io_fault(dir, &error))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(first) = name.strip_suffix(".rows") {
                let first = u64::from_str_radix(first, 16);
                found.push((first.map_err(|_| damaged(&path, "its name is not a number"))?, path));
            } else if name.starts_with("spare-") {
                // Spare files are only used by a running process. Removing them is cheaper than checking them.
                std::fs::remove_file(&path).map_err(|error| io_fault(&path, &error))?;
            }
        }
        found.sort();
        for (first, path) in found {
            if let Some(before) = segments.live.back()
                && before.next() != first
            {
                return Err(damaged(&before.path, &format!("row {} is damaged or missing", before.next())));
            }
            segments.live.push_back(Segment::open(first, path)?);
        }
        let (last, recorded) = (segments.last().unwrap_or(0), marker.read());
        if last < recorded {
            let at = segments.live.back().map_or(dir, |segment| &segment.path);
            let what = format!("row {} is damaged or missing; rows up to {recorded} were synced", last + 1);
            return Err(damaged(at, &what));
        }
        Ok(Self { dir: dir.to_owned(), marker, state: Mutex::new(segments) })
    }

    fn lock(&self) -> MutexGuard<'_, Segments> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, offset and length of a row.
    fn find(&self, row: u64) -> Option<(Arc<File>, u64, u32)> {
        let state = self.lock();
        if row < state.tail {
            return None;
        }
        let at = state.live.partition_point(|segment| segment.first <= row).checked_sub(1)?;
        let segment = &state.live[at];
        let (start, length) = *segment.rows.get(usize::try_from(row - segment.first).ok()?)?;
        Some((Arc::clone(&segment.file), start, length))
    }

    /// Reads a part of a row that [`SegmentLogStorage::find`] found. `None` if the row was removed meanwhile: its
    /// file may have been reused.
    fn read_at(&self, row: u64, file: &File, at: u64, length: usize) -> Result<Option<Vec<u8>>, Fault> {
        let mut bytes = vec![0; length];
        let read = file.read_exact_at(&mut bytes, at);
        if self.find(row).is_none() {
            return Ok(None);
        }
        read.map_err(|error| io_fault(&self.dir, &error))?;
        Ok(Some(bytes))
    }

    /// Creates a segment for rows from `first` on: reuses a spare file, or creates a new one.
    fn begin(&self, first: u64, spare: Option<PathBuf>) -> io::Result<Segment> {
        let path = self.dir.join(format!("{first:016x}.rows"));
        let file = if let Some(spare) = spare {
            let file = OpenOptions::new().read(true).write(true).open(&spare)?;
            file.write_all_at(&head(first), 0)?;
            std::fs::rename(&spare, &path)?;
            file
        } else {
            let new = self.dir.join("fresh");
            let mut options = OpenOptions::new();
            let mut file =
                options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&head(first))?;
            let zeroes = [0; 64 << 10];
            for _ in 0..SEGMENT_BYTES / zeroes.len() as u64 {
                file.write_all(&zeroes)?;
            }
            file.set_len(SEGMENT_BYTES)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            file
        };
        File::open(&self.dir)?.sync_all()?;
        Ok(Segment::empty(first, file, path))
    }

    /// Prepares the segment for the next row. Returns its file, the offset, and the checksum of the previous row.
    fn place(&self, row: u64, bytes: usize) -> Result<(Arc<File>, u64, [u8; 4]), Fault> {
        let spare = {
            let mut state = self.lock();
            if let Some(newest) = state.live.back() {
                if newest.next() != row {
                    return Err(damaged(&newest.path, &format!("row {row} does not follow the last row")));
                }
                if newest.rows.is_empty() || newest.end + bytes as u64 <= SEGMENT_BYTES {
                    return Ok((Arc::clone(&newest.file), newest.end, newest.sum));
                }
                let full = Arc::clone(&newest.file);
                full.sync_data().map_err(|error| io_fault(&self.dir, &error))?;
            }
            state.spares.pop()
        };
        let segment = self.begin(row, spare).map_err(|error| io_fault(&self.dir, &error))?;
        let place = (Arc::clone(&segment.file), segment.end, segment.sum);
        self.lock().live.push_back(segment);
        Ok(place)
    }
}

impl Segments {
    fn last(&self) -> Option<u64> {
        self.live.back().and_then(|segment| segment.next().checked_sub(1)).filter(|last| *last > 0)
    }
}

fn damaged(path: &Path, what: &str) -> Fault {
    Fault::Corrupt(format!("{}: {what}", path.display()))
}

impl LogStorage for SegmentLogStorage {
    fn put(&self, row: u64, bytes: Vec<u8>) -> Result<(), Fault> {
        let length = u32::try_from(bytes.len()).map_err(|_| damaged(&self.dir, "a row is too long"))?;
        let (file, at, before) = self.place(row, FRAME_BYTES + bytes.len())?;
        let mut framed = Vec::with_capacity(FRAME_BYTES + bytes.len());
        framed.extend_from_slice(&[0; 4]);
        framed.extend_from_slice(&length.to_le_bytes());
        framed.extend_from_slice(&row.to_le_bytes());
        framed.extend_from_slice(&bytes);
        let sum = checksum(before, &framed[4..FRAME_BYTES], &bytes);
        framed[..4].copy_from_slice(&sum);
        file.write_all_at(&framed, at).map_err(|error| io_fault(&self.dir, &error))?;
        let mut state = self.lock();
        if let Some(newest) = state.live.back_mut() {
            newest.rows.push((at + FRAME_BYTES as u64, length));
            newest.end = at + framed.len() as u64;
            newest.sum = sum;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        let newest = self.lock().live.back().map(|segment| (Arc::clone(&segment.file), segment.next() - 1));
        let Some((file, last)) = newest else { return Ok(()) };
        file.sync_data().map_err(|error| io_fault(&self.dir, &error))?;
        self.marker.write(last)
    }

    fn read(&self, row: u64, offset: u32, length: u32) -> Result<Option<Vec<u8>>, Fault> {
        let Some((file, start, row_length)) = self.find(row) else { return Ok(None) };
        if u64::from(offset) + u64::from(length) > u64::from(row_length) {
            return part(&[], offset, length).map(Some);
        }
        self.read_at(row, &file, start + u64::from(offset), length as usize)
    }

    fn row(&self, row: u64) -> Result<Option<Vec<u8>>, Fault> {
        let Some((file, start, length)) = self.find(row) else { return Ok(None) };
        self.read_at(row, &file, start, length as usize)
    }

    fn last(&self) -> Result<Option<u64>, Fault> {
        Ok(self.lock().last())
    }

    fn remove(&self, rows: &[u64]) -> Result<(), Fault> {
        rows.last().map_or(Ok(()), |last| self.remove_before(last + 1))
    }

    fn remove_before(&self, tail: u64) -> Result<(), Fault> {
        let mut state = self.lock();
        state.tail = state.tail.max(tail);
        while state.live.len() > 1 && state.live[0].next() <= tail {
            let Some(Segment { path, end, .. }) = state.live.pop_front() else { break };
            let done = if state.spares.len() < SPARES_MAX && end <= SEGMENT_BYTES {
                state.spares_made += 1;
                let spare = self.dir.join(format!("spare-{}", state.spares_made));
                let renamed = std::fs::rename(&path, &spare);
                renamed.map(|()| state.spares.push(spare))
            } else {
                std::fs::remove_file(&path)
            };
            done.map_err(|error| io_fault(&path, &error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::HEAD_BYTES;
    use super::*;

    fn row(number: u64) -> Vec<u8> {
        vec![number as u8; 1 + (number as usize * 37_813) % 300_000]
    }

    fn filled(dir: &Path, rows: u64) -> SegmentLogStorage {
        let storage = SegmentLogStorage::open(dir).unwrap();
        for number in 1..=rows {
            storage.put(number, row(number)).unwrap();
            storage.sync().unwrap();
        }
        storage
    }

    fn segments(dir: &Path) -> Vec<PathBuf> {
        let mut found: Vec<_> = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "rows"));
        found.sort();
        found
    }

    #[test]
    fn rows_survive_reopening_and_files_are_reused() {
        let dir = tempfile::tempdir().unwrap();
        let storage = filled(dir.path(), 100);
        assert!(segments(dir.path()).len() > 2, "several segments");
        assert_eq!(storage.last().unwrap(), Some(100));
        storage.remove_before(90).unwrap();
        assert_eq!(storage.row(89).unwrap(), None);
        assert!(!storage.lock().spares.is_empty());
        for number in 101..=250 {
            storage.put(number, row(number)).unwrap();
            storage.remove(&[number - 10]).unwrap();
        }
        storage.sync().unwrap();
        drop(storage);
        let storage = SegmentLogStorage::open(dir.path()).unwrap();
        assert_eq!(storage.last().unwrap(), Some(250));
        for number in 241..=250 {
            assert_eq!(storage.row(number).unwrap().as_deref(), Some(&row(number)[..]), "row {number}");
        }
        let some = storage.read(250, 3, 5).unwrap().unwrap();
        assert_eq!(some, row(250)[3..8]);
        assert!(storage.read(250, 1, u32::MAX).is_err());
    }

    #[test]
    fn a_row_longer_than_a_segment_has_its_own_segment() {
        let dir = tempfile::tempdir().unwrap();
        let storage = SegmentLogStorage::open(dir.path()).unwrap();
        let long = vec![7; SEGMENT_BYTES as usize + 1];
        for (number, bytes) in [(1, vec![1]), (2, long.clone()), (3, vec![3])] {
            storage.put(number, bytes).unwrap();
        }
        storage.sync().unwrap();
        drop(storage);
        let storage = SegmentLogStorage::open(dir.path()).unwrap();
        assert_eq!(storage.row(2).unwrap(), Some(long));
        assert_eq!(storage.row(3).unwrap(), Some(vec![3]));
    }

    #[test]
    fn a_torn_last_row_is_dropped_and_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let storage = filled(dir.path(), 5);
        storage.put(6, row(6)).unwrap();
        let (_, start, _) = storage.find(6).unwrap();
        drop(storage);
        // Row 6 was never synced. Half of it is missing.
        let path = segments(dir.path()).pop().unwrap();
        OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[0; 100], start + 50).unwrap();
        let storage = SegmentLogStorage::open(dir.path()).unwrap();
        assert_eq!(storage.last().unwrap(), Some(5));
        storage.put(6, vec![6]).unwrap();
        storage.sync().unwrap();
        drop(storage);
        assert_eq!(SegmentLogStorage::open(dir.path()).unwrap().row(6).unwrap(), Some(vec![6]));
    }

    #[test]
    fn damaged_and_missing_rows_are_reported_with_their_file() {
        for (what, nth) in [("the newest", usize::MAX), ("the oldest", 0)] {
            let dir = tempfile::tempdir().unwrap();
            drop(filled(dir.path(), 60));
            let paths = segments(dir.path());
            let path = &paths[nth.min(paths.len() - 1)];
            OpenOptions::new().write(true).open(path).unwrap().write_all_at(b"x", HEAD_BYTES + 40).unwrap();
            let fault = SegmentLogStorage::open(dir.path()).unwrap_err();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(matches!(&fault, Fault::Corrupt(text) if text.contains(&name)), "{what}: {fault}");
            std::fs::remove_file(path).unwrap();
            let reopened = SegmentLogStorage::open(dir.path());
            // Without its oldest segment the rest is valid. A reader that needs a row of it gets an error.
            assert_eq!(reopened.is_ok(), nth == 0, "{what} removed");
        }
    }
}
