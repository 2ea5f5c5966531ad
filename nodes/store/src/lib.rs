//! Durable storage of a node: the state of each replica ([`State`]) and the log that all replicas share
//! ([`NodeLog`]). The only crate that uses sled.
//!
//! A replica's state is one ordered map of bytes that changes in atomic batches. The kernel stores typed trees in it.
//! The replicas of a node share one log, in files of its own, so that one fsync serves all of them.
//!
//! Invariants:
//! - a batch is committed completely or not at all; flushed data survives a crash, or opening fails with
//!   [`Fault::Corrupt`];
//! - a callback of the log reports success only after the data is on disk;
//! - truncated log entries never reappear, and records that are still needed are never removed;
//! - corruption is reported as an error with its location, never as a wrong result or a panic.
//!
//! Deliberately absent: any knowledge of consensus (log records are opaque bytes) and of services; async.

mod archive;
mod batch;
mod disk;
mod engine;
mod fault;
mod fs;
mod journal;
mod lock;
mod log;
mod memory;
mod overlay;
mod pin;
mod state;
mod sync_marker;

pub use archive::{PartWriter, RowReader, export, export_pinned};
pub use batch::{Batch, Row};
pub use disk::Disk;
pub use fault::Fault;
pub use lock::{DirLock, lock};
pub use log::{
    Chunk, Done, LogSettings, LogStats, LogStorage, MemoryLogStorage, NodeLog, Record, SegmentLogStorage,
    UnsyncedLogStorage,
};
pub use memory::Memory;
pub use pin::Pin;
pub use state::{Staged, State};
