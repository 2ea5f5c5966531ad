//! The log that all replicas of a node share, so that one fsync serves all of them.
//!
//! Each flush writes one row, which contains all records that groups submitted since the previous flush (batches of
//! entries, truncations, purges, votes, committed marks). An index in memory locates the live records of each group.
//! Opening the log replays the rows in order.
//!
//! Invariants:
//! - rows are numbered without gaps. Only the oldest are removed, and each row contains the number of the oldest row
//!   that was needed when it was written. Removing a row therefore never exposes an older row whose content it
//!   superseded;
//! - an old row that is still needed is freed by relocating its live records into the row that is being written.
//!   Which records are live is decided under the lock that also takes the queue, so that a relocated record never
//!   restores truncated entries;
//! - after a failure, no write is acknowledged until the log is reopened, because the content of the disk is unknown.
//!
//! Records are opaque bytes here.

mod flusher;
mod index;
mod record;
mod segment;
mod segments;
mod storage;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use record::Record;
pub use segments::SegmentLogStorage;
pub use storage::{LogStorage, MemoryLogStorage, UnsyncedLogStorage};

use crate::fault::Fault;
use flusher::Job;
use index::{Index, Location};

/// Called once a record is on disk, or with the fault that prevents it. Runs on the log's own thread, so it must be
/// short.
pub type Done = Box<dyn FnOnce(Result<(), Fault>) + Send>;

/// How often a reader retries if a row was relocated meanwhile.
const READ_ATTEMPTS: usize = 16;

/// Settings of the log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// How long a record without a callback may stay in memory only.
    pub linger: Duration,
    /// Below this many bytes of rows, no records are relocated.
    pub compaction_floor_bytes: u64,
    /// Bytes that are relocated per flush at most, rounded up to a record.
    pub compaction_step_bytes: u64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(20),
            compaction_floor_bytes: 16 << 20,
            compaction_step_bytes: 512 << 10,
        }
    }
}

/// Statistics of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Rows written since the log was opened. Equals the number of fsyncs.
    pub flushes: u64,
    /// Records written since the log was opened.
    pub records: u64,
    /// Current number of rows.
    pub rows: u64,
    /// Size of the rows, in bytes.
    pub bytes: u64,
    /// Size of the live records, in bytes.
    pub live_bytes: u64,
}

/// Consecutive entries of a group, as they were submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the first entry in `bytes`.
    pub first: u64,
    /// Number of valid entries in `bytes`. Later ones were truncated.
    pub count: u32,
    /// The submitted bytes.
    pub bytes: Arc<[u8]>,
}

/// The shared log of a node. See the module documentation.
pub struct NodeLog {
    shared: Arc<Shared>,
    flusher: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for NodeLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeLog({:?})", self.stats())
    }
}

pub(crate) struct Shared {
    pub(crate) state: Mutex<LogState>,
    pub(crate) wake: Condvar,
    pub(crate) storage: Arc<dyn LogStorage>,
    pub(crate) settings: LogSettings,
    pub(crate) flushes: AtomicU64,
    pub(crate) records: AtomicU64,
}

/// The queue and the index change together, under one lock: the index always equals the result of replaying the rows
/// and the queue.
#[derive(Default)]
pub(crate) struct LogState {
    pub(crate) index: Index,
    pub(crate) queue: Vec<Job>,
    /// Number of queued items with a callback.
    pub(crate) awaited: usize,
    pub(crate) failed: Option<Fault>,
    pub(crate) closing: bool,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeLog {
    /// Opens the log in `dir`, and creates it if missing.
    ///
    /// # Errors
    /// [`Fault::Io`] if the file system fails; [`Fault::Corrupt`] if rows are damaged or missing.
    pub fn open(dir: &Path, settings: LogSettings) -> Result<Arc<Self>, Fault> {
        Self::with_storage(Arc::new(SegmentLogStorage::open(dir)?), settings)
    }

    /// Opens a log on the given storage.
    ///
    /// # Errors
    /// As [`NodeLog::open`].
    pub fn with_storage(storage: Arc<dyn LogStorage>, settings: LogSettings) -> Result<Arc<Self>, Fault> {
        let index = index::replay(&*storage)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(LogState { index, ..LogState::default() }),
            wake: Condvar::new(),
            storage,
            settings,
            flushes: AtomicU64::new(0),
            records: AtomicU64::new(0),
        });
        let own = Arc::clone(&shared);
        let flusher = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || flusher::run(&own))
            .map_err(|error| Fault::Io(format!("cannot start the thread of the log: {error}")))?;
        Ok(Arc::new(Self { shared, flusher: Mutex::new(Some(flusher)) }))
    }

    /// Submits a record of `group`. It is readable at once. `done`, if given, is called once it is on disk. Records
    /// are written in the order of submission. A record without a callback is written with the next one that has one,
    /// or after [`LogSettings::linger`].
    pub fn submit(&self, group: &Arc<str>, record: Record, done: Option<Done>) {
        self.enqueue(Some((Arc::clone(group), record)), done);
    }

    /// Calls `done` once everything submitted before is on disk.
    pub fn barrier(&self, done: Done) {
        self.enqueue(None, Some(done));
    }

    /// Blocking version of [`NodeLog::barrier`], for threads that may block.
    ///
    /// # Errors
    /// If the log has failed.
    pub fn sync(&self) -> Result<(), Fault> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.barrier(Box::new(move |result| {
            let _ = sender.send(result);
        }));
        receiver.recv().unwrap_or_else(|_| Err(closed()))
    }

    fn enqueue(&self, record: Option<(Arc<str>, Record)>, done: Option<Done>) {
        let mut state = self.shared.lock();
        let rejected = if state.closing { Some(closed()) } else { state.failed.clone() };
        if let Some(fault) = rejected {
            drop(state);
            if let Some(done) = done {
                done(Err(fault));
            }
            return;
        }
        let record = record.map(|(group, record)| {
            let sequence = state.index.accept(&group, &record);
            (group, record, sequence)
        });
        let first = state.queue.is_empty();
        let urgent = done.is_some();
        state.awaited += usize::from(urgent);
        state.queue.push(Job { record, done });
        drop(state);
        if first || urgent {
            self.shared.wake.notify_one();
        }
    }

    /// The entries of `group` with indexes from `from` to `to` (exclusive), as the chunks that contain them. The
    /// first chunk may begin earlier, the last one may end later.
    ///
    /// # Errors
    /// If the storage cannot be read.
    pub fn read(&self, group: &str, from: u64, to: u64) -> Result<Vec<Chunk>, Fault> {
        'again: for _ in 0..READ_ATTEMPTS {
            let locations = self.shared.lock().index.find(group, from, to);
            let mut chunks = Vec::with_capacity(locations.len());
            for (first, count, location) in locations {
                let bytes = match location {
                    Location::Pending(bytes) => bytes,
                    Location::Stored(span) => {
                        let Some(raw) = self.shared.storage.read(span.row, span.offset, span.length)? else {
                            continue 'again;
                        };
                        record::read_batch(&raw, group, first)?
                    }
                };
                chunks.push(Chunk { first, count, bytes });
            }
            return Ok(chunks);
        }
        Err(Fault::Corrupt(format!("a row of the log that contains entries of {group} is missing")))
    }

    /// The last [`Record::Vote`] of `group`.
    pub fn vote(&self, group: &str) -> Option<Arc<[u8]>> {
        self.shared.lock().index.group(group).and_then(|group| group.vote())
    }

    /// The last [`Record::Committed`] of `group`.
    pub fn committed(&self, group: &str) -> Option<Arc<[u8]>> {
        self.shared.lock().index.group(group).and_then(|group| group.committed())
    }

    /// The last [`Record::Purge`] of `group`: the purged index and the mark.
    pub fn purged(&self, group: &str) -> Option<(u64, Arc<[u8]>)> {
        self.shared.lock().index.group(group).and_then(|group| group.purged())
    }

    /// Index of the last entry of `group`.
    pub fn last(&self, group: &str) -> Option<u64> {
        self.shared.lock().index.group(group).and_then(|group| group.last())
    }

    /// Whether the log contains any record of `group`.
    pub fn contains_group(&self, group: &str) -> bool {
        self.shared.lock().index.group(group).is_some()
    }

    /// The groups with records in the log.
    pub fn groups(&self) -> Vec<String> {
        self.shared.lock().index.names()
    }

    /// Whether the log accepts records.
    ///
    /// # Errors
    /// The fault that made the log fail. It accepts no records until it is reopened.
    pub fn health(&self) -> Result<(), Fault> {
        self.shared.lock().failed.clone().map_or(Ok(()), Err)
    }

    /// Statistics of the log.
    pub fn stats(&self) -> LogStats {
        let (rows, bytes, live_bytes) = self.shared.lock().index.totals();
        let flushes = self.shared.flushes.load(Ordering::Relaxed);
        let records = self.shared.records.load(Ordering::Relaxed);
        LogStats { flushes, records, rows, bytes, live_bytes }
    }

    /// Writes the queue and stops. Later submissions fail.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let flusher = self.flusher.lock().unwrap_or_else(PoisonError::into_inner).take();
        // If a callback drops the last handle, this runs on the log's own thread, which must not join itself.
        if let Some(flusher) = flusher
            && flusher.thread().id() != std::thread::current().id()
        {
            let _ = flusher.join();
        }
    }
}

impl Drop for NodeLog {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> Fault {
    Fault::Io("the log is closed".to_owned())
}
