//! The log that all replicas of a node share: one fsync serves them all.
//!
//! Each flush writes one row: all that all groups asked for since the last one (batches of entries, truncations, purges,
//! votes, committed marks). An index in memory knows where each group's live records are; opening replays the rows in
//! order.
//!
//! Invariants:
//! - rows are numbered without gaps; only the oldest are removed, and each row says which was the oldest one needed when
//!   it was written. A removed row therefore never leaves an older one behind whose contents it had made void;
//! - an old row that is still needed is freed by carrying its live records forward into the row being written. What is
//!   live is decided under the lock that also takes the queue, so that a carried record never revives what was
//!   truncated;
//! - after a failure nothing is acknowledged any more until the log is opened anew: nobody knows what is on disk.
//!
//! Records are bytes here: what they mean is the caller's.

mod flusher;
mod index;
mod record;
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

use crate::Fault;
use flusher::Job;
use index::{Index, Location};

/// Told once a record is on disk, or that it will not be. Called on the log's own thread: be quick.
pub type Done = Box<dyn FnOnce(Result<(), Fault>) + Send>;

/// How often a reader looks again when the row that it wanted was carried elsewhere meanwhile.
const READ_ATTEMPTS: usize = 16;

/// What the log can be tuned by.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// How long a record that nobody waits for may stay in memory only.
    pub linger: Duration,
    /// Below this many bytes of rows nothing is carried forward.
    pub compaction_floor_bytes: u64,
    /// At most this much is carried forward in one flush, rounded up to a record.
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

/// What the log is doing, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Rows written since it was opened: fsyncs.
    pub flushes: u64,
    /// Records written since it was opened.
    pub records: u64,
    /// Rows that are there now.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of records that are still needed.
    pub live_bytes: u64,
}

/// Consecutive entries of a group, as they were submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The number of the first entry in `bytes`.
    pub first: u64,
    /// How many of the entries in `bytes` are valid: later ones were truncated.
    pub count: u32,
    /// What was submitted.
    pub bytes: Arc<[u8]>,
}

/// The shared log of a node. See the module.
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

/// The queue and the index change together, under one lock: the index always is what replaying the queue would make it.
#[derive(Default)]
pub(crate) struct LogState {
    pub(crate) index: Index,
    pub(crate) queue: Vec<Job>,
    /// How many in the queue somebody waits for.
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
    /// Opens the log in `dir`, making it where it is missing.
    ///
    /// # Errors
    /// [`Fault::Io`] when the file system refuses; [`Fault::Corrupt`] when rows are damaged or missing.
    pub fn open(dir: &Path, settings: LogSettings) -> Result<Arc<Self>, Fault> {
        Self::with_storage(Arc::new(SegmentLogStorage::open(dir)?), settings)
    }

    /// Opens a log on any medium.
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
            .map_err(|error| Fault::Io(format!("no thread for the log: {error}")))?;
        Ok(Arc::new(Self { shared, flusher: Mutex::new(Some(flusher)) }))
    }

    /// Takes a record of `group`. Readable at once; `done`, where somebody waits, is called once it is on disk. Records
    /// land in the order of submission. A record that nobody waits for is written with the next one, or soon.
    pub fn submit(&self, group: &Arc<str>, record: Record, done: Option<Done>) {
        self.enqueue(Some((Arc::clone(group), record)), done);
    }

    /// Calls `done` once everything submitted before is on disk.
    pub fn barrier(&self, done: Done) {
        self.enqueue(None, Some(done));
    }

    /// [`NodeLog::barrier`], waiting: for threads that may block.
    ///
    /// # Errors
    /// When the log has failed.
    pub fn sync(&self) -> Result<(), Fault> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.barrier(Box::new(move |result| {
            let _ = sender.send(result);
        }));
        receiver.recv().unwrap_or_else(|_| Err(closed()))
    }

    fn enqueue(&self, record: Option<(Arc<str>, Record)>, done: Option<Done>) {
        let mut state = self.shared.lock();
        let refused = if state.closing { Some(closed()) } else { state.failed.clone() };
        if let Some(fault) = refused {
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

    /// The entries of `group` from number `from` up to and without `to`, as the chunks that hold them. The first chunk
    /// may begin earlier, the last one end later.
    ///
    /// # Errors
    /// When the medium cannot be read.
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
        Err(Fault::Corrupt(format!("a row of the log that holds entries of {group} is gone")))
    }

    /// The newest [`Record::Vote`] of `group`.
    pub fn vote(&self, group: &str) -> Option<Arc<[u8]>> {
        self.shared.lock().index.group(group).and_then(|group| group.vote())
    }

    /// The newest [`Record::Committed`] of `group`.
    pub fn committed(&self, group: &str) -> Option<Arc<[u8]>> {
        self.shared.lock().index.group(group).and_then(|group| group.committed())
    }

    /// The newest [`Record::Purge`] of `group`: up to which number, and its mark.
    pub fn purged(&self, group: &str) -> Option<(u64, Arc<[u8]>)> {
        self.shared.lock().index.group(group).and_then(|group| group.purged())
    }

    /// The number of the last entry of `group` that is there.
    pub fn last(&self, group: &str) -> Option<u64> {
        self.shared.lock().index.group(group).and_then(|group| group.last())
    }

    /// Whether there is anything of `group`.
    pub fn contains_group(&self, group: &str) -> bool {
        self.shared.lock().index.group(group).is_some()
    }

    /// The groups that have records here.
    pub fn groups(&self) -> Vec<String> {
        self.shared.lock().index.names()
    }

    /// Whether the log takes records.
    ///
    /// # Errors
    /// The fault that broke it. It stays broken until it is opened anew.
    pub fn health(&self) -> Result<(), Fault> {
        self.shared.lock().failed.clone().map_or(Ok(()), Err)
    }

    /// What the log is doing.
    pub fn stats(&self) -> LogStats {
        let (rows, bytes, live_bytes) = self.shared.lock().index.totals();
        let flushes = self.shared.flushes.load(Ordering::Relaxed);
        let records = self.shared.records.load(Ordering::Relaxed);
        LogStats { flushes, records, rows, bytes, live_bytes }
    }

    /// Writes what is queued and stops. Later submissions are refused.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let flusher = self.flusher.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A last handle dropped by one of its callbacks is dropped on the log's own thread, which ends by itself.
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
