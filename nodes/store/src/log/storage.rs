//! Storage of the log: numbered rows of bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::Fault;

/// Numbered rows, written by one thread in ascending order, and read by many.
pub trait LogStorage: Send + Sync + 'static {
    /// Writes a row. It is on disk after [`LogStorage::sync`].
    ///
    /// # Errors
    /// If the disk fails.
    fn put(&self, row: u64, bytes: Vec<u8>) -> Result<(), Fault>;

    /// Returns once all rows written before are on disk.
    ///
    /// # Errors
    /// If the disk fails.
    fn sync(&self) -> Result<(), Fault>;

    /// A part of a row. `None` if the row was removed.
    ///
    /// # Errors
    /// If the storage cannot be read.
    fn read(&self, row: u64, offset: u32, length: u32) -> Result<Option<Vec<u8>>, Fault>;

    /// A complete row. `None` if the row was removed.
    ///
    /// # Errors
    /// If the storage cannot be read.
    fn row(&self, row: u64) -> Result<Option<Vec<u8>>, Fault>;

    /// The number of the newest row, which is never removed.
    ///
    /// # Errors
    /// If the storage cannot be read, or rows that were synced are missing.
    fn last(&self) -> Result<Option<u64>, Fault>;

    /// Removes rows, given in ascending order. The removal need not be durable.
    ///
    /// # Errors
    /// If the disk fails.
    fn remove(&self, rows: &[u64]) -> Result<(), Fault>;

    /// Removes all rows before `tail`.
    ///
    /// # Errors
    /// If the disk fails.
    fn remove_before(&self, tail: u64) -> Result<(), Fault>;
}

/// Rows in memory, for tests and simulation. Can simulate a crash and write failures.
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
    /// Creates empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// The storage after a power failure: the synced rows.
    #[must_use]
    pub fn crash(&self) -> Self {
        let synced = self.lock().synced.clone();
        Self {
            rows: Mutex::new(MemoryState { live: synced.clone(), synced }),
            failing: AtomicBool::new(false),
        }
    }

    /// Makes every write fail from now on, or succeed again.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// Changes the bytes of a row, to simulate corruption. Returns false if there is no such row.
    pub fn damage(&self, row: u64, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.lock();
        let Some(bytes) = state.live.get_mut(&row) else { return false };
        change(bytes);
        let bytes = bytes.clone();
        state.synced.insert(row, bytes);
        true
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.lock().live.len()
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_failing(&self) -> Result<(), Fault> {
        if self.failing.load(Ordering::SeqCst) {
            Err(Fault::Io("simulated failure".to_owned()))
        } else {
            Ok(())
        }
    }
}

impl LogStorage for MemoryLogStorage {
    fn put(&self, row: u64, bytes: Vec<u8>) -> Result<(), Fault> {
        self.check_failing()?;
        self.lock().live.insert(row, bytes);
        Ok(())
    }

    fn sync(&self) -> Result<(), Fault> {
        self.check_failing()?;
        let mut state = self.lock();
        let MemoryState { live, synced } = &mut *state;
        // Rows are immutable, so only new ones have to be copied.
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

/// For crash tests: keeps rows in memory until [`LogStorage::sync`], so that `kill -9` loses what was not synced.
/// (Otherwise the page cache would preserve what a killed process wrote.)
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
    /// Wraps `inner`.
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
    part.map(<[u8]>::to_vec).ok_or_else(|| Fault::Corrupt("a row of the log is truncated".to_owned()))
}
