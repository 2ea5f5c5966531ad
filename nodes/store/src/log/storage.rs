//! What the log is written on: numbered rows of bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Fault;

/// Numbered rows. Written by one thread in ascending order, read by many.
pub trait LogStorage: Send + Sync + 'static {
    /// Writes a row; on disk after [`LogStorage::sync`].
    ///
    /// # Errors
    /// When the disk refuses.
    fn put(&self, row: u64, bytes: Vec<u8>) -> Result<(), Fault>;

    /// Returns once every row written before is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync(&self) -> Result<(), Fault>;

    /// A part of a row; none when the row is gone.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, row: u64, offset: u32, length: u32) -> Result<Option<Vec<u8>>, Fault>;

    /// A whole row.
    ///
    /// # Errors
    /// When it cannot be read.
    fn row(&self, row: u64) -> Result<Option<Vec<u8>>, Fault>;

    /// The number of the newest row. That one is never removed.
    ///
    /// # Errors
    /// When it cannot be read, or when rows that were synced are gone.
    fn last(&self) -> Result<Option<u64>, Fault>;

    /// Removes rows, in ascending order; need not be on disk at any time.
    ///
    /// # Errors
    /// When the disk refuses.
    fn remove(&self, rows: &[u64]) -> Result<(), Fault>;

    /// Removes all rows before `tail`.
    ///
    /// # Errors
    /// When the disk refuses.
    fn remove_before(&self, tail: u64) -> Result<(), Fault>;
}

/// Rows in memory, for tests and simulation: they can be asked what a crash would leave, and told to fail.
#[derive(Debug, Default)]
pub struct MemoryLogStorage {
    rows: Mutex<MemoryState>,
    failing: AtomicBool,
}

#[derive(Debug, Default)]
struct MemoryState {
    live: BTreeMap<u64, Vec<u8>>,
    synced: BTreeMap<u64, Vec<u8>>,
}

impl MemoryLogStorage {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a power cut leaves: what was synced.
    #[must_use]
    pub fn crash(&self) -> Self {
        let synced = self.lock().synced.clone();
        Self {
            rows: Mutex::new(MemoryState { live: synced.clone(), synced }),
            failing: AtomicBool::new(false),
        }
    }

    /// Has every write refused from now on, or no longer.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// Changes a row's bytes: planted damage. False when there is no such row.
    pub fn damage(&self, row: u64, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.lock();
        let Some(bytes) = state.live.get_mut(&row) else { return false };
        change(bytes);
        let bytes = bytes.clone();
        state.synced.insert(row, bytes);
        true
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.lock().live.len()
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn willing(&self) -> Result<(), Fault> {
        if self.failing.load(Ordering::SeqCst) { Err(Fault::Io("told to fail".to_owned())) } else { Ok(()) }
    }
}

impl LogStorage for MemoryLogStorage {
    fn put(&self, row: u64, bytes: Vec<u8>) -> Result<(), Fault> {
        self.willing()?;
        self.lock().live.insert(row, bytes);
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        self.willing()?;
        let mut state = self.lock();
        let MemoryState { live, synced } = &mut *state;
        // Rows are written once, so only the new ones have to be copied.
        let newest = synced.last_key_value().map_or(0, |(row, _)| *row);
        synced.retain(|row, _| live.contains_key(row));
        synced.extend(live.range(newest + 1..).map(|(row, bytes)| (*row, bytes.clone())));
        Ok(())
    }

    fn read(&self, row: u64, offset: u32, length: u32) -> Result<Option<Vec<u8>>, Fault> {
        self.lock().live.get(&row).map(|bytes| part(bytes, offset, length)).transpose()
    }

    fn row(&self, row: u64) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.lock().live.get(&row).cloned())
    }

    fn last(&self) -> Result<Option<u64>, Fault> {
        Ok(self.lock().live.last_key_value().map(|(row, _)| *row))
    }

    fn remove(&self, rows: &[u64]) -> Result<(), Fault> {
        let mut state = self.lock();
        for row in rows {
            state.live.remove(row);
        }
        Ok(())
    }

    fn remove_before(&self, tail: u64) -> Result<(), Fault> {
        let mut state = self.lock();
        state.live = state.live.split_off(&tail);
        Ok(())
    }
}

/// For crash tests: holds rows in memory until [`LogStorage::sync`], so that kill -9 drops what was not synced (what a
/// killed process wrote is in the page cache, and would be there again).
pub struct UnsyncedLogStorage {
    inner: Arc<dyn LogStorage>,
    pending: Mutex<BTreeMap<u64, Vec<u8>>>,
}

impl std::fmt::Debug for UnsyncedLogStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnsyncedLogStorage")
    }
}

impl UnsyncedLogStorage {
    /// Stands before `inner`.
    pub fn new(inner: Arc<dyn LogStorage>) -> Self {
        Self { inner, pending: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<u8>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogStorage for UnsyncedLogStorage {
    fn put(&self, row: u64, bytes: Vec<u8>) -> Result<(), Fault> {
        self.lock().insert(row, bytes);
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        let mut pending = self.lock();
        while let Some((row, bytes)) = pending.pop_first() {
            self.inner.put(row, bytes)?;
        }
        self.inner.sync()
    }

    fn read(&self, row: u64, offset: u32, length: u32) -> Result<Option<Vec<u8>>, Fault> {
        match self.lock().get(&row) {
            Some(bytes) => part(bytes, offset, length).map(Some),
            None => self.inner.read(row, offset, length),
        }
    }

    fn row(&self, row: u64) -> Result<Option<Vec<u8>>, Fault> {
        match self.lock().get(&row) {
            Some(bytes) => Ok(Some(bytes.clone())),
            None => self.inner.row(row),
        }
    }

    fn last(&self) -> Result<Option<u64>, Fault> {
        match self.lock().last_key_value() {
            Some((row, _)) => Ok(Some(*row)),
            None => self.inner.last(),
        }
    }

    fn remove(&self, rows: &[u64]) -> Result<(), Fault> {
        let mut pending = self.lock();
        for row in rows {
            pending.remove(row);
        }
        self.inner.remove(rows)
    }

    fn remove_before(&self, tail: u64) -> Result<(), Fault> {
        let mut pending = self.lock();
        *pending = pending.split_off(&tail);
        self.inner.remove_before(tail)
    }
}

pub(super) fn part(row: &[u8], offset: u32, length: u32) -> Result<Vec<u8>, Fault> {
    let (offset, length) = (offset as usize, length as usize);
    let part = row.get(offset..).and_then(|rest| rest.get(..length));
    part.map(<[u8]>::to_vec)
        .ok_or_else(|| Fault::Corrupt("a row of the log is shorter than it was".to_owned()))
}
