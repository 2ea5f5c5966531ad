//! A file beside a store that records the number of the last item known to be on disk. It distinguishes lost data
//! from data that was never synced.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::fs::io_fault;

/// Contains the number (8 bytes) and its checksum (4 bytes).
const SYNCED_FILE: &str = "synced";

/// Sync marker of one store.
#[derive(Debug)]
pub(crate) struct SyncMarker {
    file: File,
    path: PathBuf,
}

impl SyncMarker {
    /// Opens the marker in the store's directory, and creates it if missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let path = dir.join(SYNCED_FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        Ok(Self { file: file.map_err(|error| io_fault(&path, &error))?, path })
    }

    /// Records that everything up to `number` is on disk. Not synced itself: it is written after the data, so it can
    /// only be too low.
    pub(crate) fn write(&self, number: u64) -> Result<(), Fault> {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..].copy_from_slice(&crc32fast::hash(&number.to_le_bytes()).to_le_bytes());
        self.file.write_all_at(&bytes, 0).map_err(|error| io_fault(&self.path, &error))
    }

    /// The last recorded number. 0 if there is none or it is unreadable: a torn marker does not make the data
    /// unusable.
    pub(crate) fn read(&self) -> u64 {
        let mut bytes = [0; 12];
        if self.file.read_exact_at(&mut bytes, 0).is_err() {
            return 0;
        }
        let (number, checksum) = bytes.split_at(8);
        if crc32fast::hash(number).to_le_bytes() != *checksum {
            return 0;
        }
        u64::from_le_bytes(number.try_into().expect("eight bytes"))
    }
}
