//! A note beside a store: the number of the last thing that is known to be on disk. It is how a tail that went missing is
//! told from one that was never promised.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::Fault;
use crate::engine::io_fault;

/// The number (8 bytes), and its checksum (4 bytes).
const SYNCED_FILE: &str = "synced";

/// The note of one store.
#[derive(Debug)]
pub(crate) struct SyncMarker {
    file: File,
    path: PathBuf,
}

impl SyncMarker {
    /// Opens the note in the store's directory, making it where it is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Fault> {
        let path = dir.join(SYNCED_FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        Ok(Self { file: file.map_err(|error| io_fault(&path, &error))?, path })
    }

    /// Notes that everything up to `number` is on disk. Not synced itself: written after the data, it can only be
    /// behind it.
    pub(crate) fn write(&self, number: u64) -> Result<(), Fault> {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..].copy_from_slice(&crc32fast::hash(&number.to_le_bytes()).to_le_bytes());
        self.file.write_all_at(&bytes, 0).map_err(|error| io_fault(&self.path, &error))
    }

    /// What was last noted; 0 for nothing, or nothing legible (a torn note is no reason to refuse sound data).
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
