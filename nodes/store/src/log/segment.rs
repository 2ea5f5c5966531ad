//! One segment file: its rows and their framing.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::fault::Fault;
use crate::fs::io_fault;

/// Size of a segment. A longer row has a segment of its own.
pub(super) const SEGMENT_BYTES: u64 = 4 << 20;
const MAGIC: &[u8; 7] = b"AUBROWS";
const VERSION: u8 = 1;
pub(super) const HEAD_BYTES: u64 = 16;
pub(super) const FRAME_BYTES: usize = 16;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) first: u64,
    /// Offset and length of each row.
    pub(super) rows: Vec<(u64, u32)>,
    pub(super) end: u64,
    /// Checksum of the last row.
    pub(super) sum: [u8; 4],
    pub(super) file: Arc<File>,
    pub(super) path: PathBuf,
}

impl Segment {
    pub(super) fn empty(first: u64, file: File, path: PathBuf) -> Self {
        Self { first, rows: Vec::new(), end: HEAD_BYTES, sum: [0; 4], file: Arc::new(file), path }
    }

    /// Reads the rows of a segment, up to the first that is incomplete or of an earlier use of the file.
    pub(super) fn open(first: u64, path: PathBuf) -> Result<Self, Fault> {
        let failed = |error| io_fault(&path, &error);
        let bytes = std::fs::read(&path).map_err(failed)?;
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
        let mut segment = Self::empty(first, file, path.clone());
        if bytes.first_chunk() != Some(&head(first)) {
            // The file was renamed, but a power failure prevented the header from reaching the disk. Then no row did
            // either.
            segment.file.write_all_at(&head(first), 0).map_err(failed)?;
            return Ok(segment);
        }
        let mut rest = &bytes[HEAD_BYTES as usize..];
        while let Some((sum, length)) = complete_row(rest, segment.next(), segment.sum) {
            segment.sum = sum;
            segment.rows.push((segment.end + FRAME_BYTES as u64, length));
            let taken = FRAME_BYTES + length as usize;
            segment.end += taken as u64;
            rest = &rest[taken..];
        }
        Ok(segment)
    }

    /// Number of the row after the last one.
    pub(super) fn next(&self) -> u64 {
        self.first + self.rows.len() as u64
    }
}

/// Checksum and length of the row at the beginning of `bytes`, if it is row `number`, undamaged, and follows a row
/// with the checksum `before`.
fn complete_row(bytes: &[u8], number: u64, before: [u8; 4]) -> Option<([u8; 4], u32)> {
    let (frame, rest) = bytes.split_first_chunk::<FRAME_BYTES>()?;
    let length = u32::from_le_bytes(frame[4..8].try_into().ok()?);
    let content = rest.get(..length as usize)?;
    let sum = checksum(before, &frame[4..], content);
    (frame[8..] == number.to_le_bytes() && frame[..4] == sum).then_some((sum, length))
}

pub(super) fn head(first: u64) -> [u8; HEAD_BYTES as usize] {
    let mut head = [0; HEAD_BYTES as usize];
    head[..7].copy_from_slice(MAGIC);
    head[7] = VERSION;
    head[8..].copy_from_slice(&first.to_le_bytes());
    head
}

pub(super) fn checksum(before: [u8; 4], frame: &[u8], content: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&before);
    hasher.update(frame);
    hasher.update(content);
    hasher.finalize().to_le_bytes()
}
