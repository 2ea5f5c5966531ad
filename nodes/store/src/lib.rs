//! The only home of sled: what a replica knows ([`State`]), and what its node has promised to know ([`NodeLog`]).
//!
//! A replica's state is one ordered map of bytes that changes by whole batches; the kernel lays typed trees over it.
//! The replicas of a node share one log, in files of its own, so that one fsync serves them all.
//!
//! Invariants:
//! - a batch lands whole or not at all; what was flushed is there after a crash, or opening says [`Fault::Corrupt`];
//! - a callback of the log says "done" only after the medium has said "on disk";
//! - what was truncated from the log is never revived, and nothing that is still needed is removed;
//! - damage is an error that names the place, never a wrong answer and never a panic.
//!
//! Deliberately absent: any word of consensus (records are bytes to the log), of services, of async.

mod archive;
mod disk;
mod engine;
mod journal;
mod lock;
mod log;
mod memory;
mod overlay;
mod pin;
mod state;
mod sync_marker;

pub use archive::{PartWriter, RowReader, export, export_pinned};
pub use disk::Disk;
pub use lock::{DirLock, lock};
pub use log::{
    Chunk, Done, LogSettings, LogStats, LogStorage, MemoryLogStorage, NodeLog, Record, SegmentLogStorage,
    UnsyncedLogStorage,
};
pub use memory::Memory;
pub use pin::Pin;
pub use state::{Batch, Fault, Row, Staged, State};
