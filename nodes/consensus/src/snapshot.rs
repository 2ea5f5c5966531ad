//! Snapshots. A snapshot is the flushed state itself. Its rows are transferred only when a peer needs them: they are
//! read from a pin while the state machine continues, sent in parts, and staged by the peer as they arrive.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use openraft::RaftSnapshotBuilder;
use openraft::type_config::alias::SnapshotOf;
use store::{Fault, PartWriter, Pin, RowReader, Staged, State, export_pinned};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::shared::{Shared, StopReason};
use crate::types::{SnapshotMeta, Types};

pub(crate) type Snapshot = SnapshotOf<Types, SnapshotData>;

/// Parts read ahead of the network, and parts waiting to be staged.
const AHEAD: usize = 3;

/// Flushes the state, so that the log may be purged up to it.
pub(crate) struct Builder {
    shared: Arc<Shared>,
    meta: SnapshotMeta,
}

impl Builder {
    pub(crate) fn new(shared: Arc<Shared>, meta: SnapshotMeta) -> Self {
        Self { shared, meta }
    }
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        if let Err(fault) = self.shared.flush().await {
            self.shared.stop(StopReason::Store(fault.to_string()));
            return Err(io::Error::other(fault));
        }
        Ok(Snapshot { meta: self.meta.clone(), snapshot: SnapshotData::Local })
    }
}

/// Content of a snapshot.
pub(crate) enum SnapshotData {
    /// The state itself. No rows are transferred.
    Local,
    /// A pin of the state, which can be read while the state machine continues.
    Pinned { state: Arc<dyn State>, pin: Pin },
    /// Rows received from a peer, staged beside the state.
    Staged(Staged),
}

impl fmt::Debug for SnapshotData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Pinned { .. } => "pinned",
            Self::Staged(_) => "staged",
        })
    }
}

/// The parts of a snapshot, in the format that [`store::RowReader`] reads, or an error. Ends after the last part.
pub(crate) type Stream = mpsc::Receiver<io::Result<Vec<u8>>>;

impl SnapshotData {
    /// Reads the rows on a thread of its own, in parts of `part_bytes` bytes.
    pub(crate) fn read(self, part_bytes: usize) -> io::Result<Stream> {
        let Self::Pinned { state, pin } = self else {
            return Err(io::Error::other("the snapshot has no pin"));
        };
        let (sender, parts) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            let closed = |_| io::Error::other("the receiver was dropped");
            let mut out = PartWriter::new(part_bytes, |part| sender.blocking_send(Ok(part)).map_err(closed));
            if let Err(fault) = export_pinned(&*state, &pin, &mut out) {
                drop(out);
                // An error means that the receiver was dropped.
                let _ = sender.blocking_send(Err(io::Error::other(fault)));
            }
        });
        Ok(parts)
    }
}

/// A snapshot that is being received. Its rows are staged on a thread of their own.
pub(crate) struct IncomingSnapshot {
    pub transfer: u64,
    /// Number of the next part.
    pub next: u64,
    parts: mpsc::Sender<Vec<u8>>,
    staging: JoinHandle<Result<Staged, Fault>>,
}

impl IncomingSnapshot {
    pub(crate) fn new(transfer: u64, state: Arc<dyn State>) -> Self {
        let (parts, incoming) = mpsc::channel(AHEAD);
        let staging = tokio::task::spawn_blocking(move || {
            let mut rows = RowReader::new(PartReader { parts: incoming, part: io::Cursor::default() });
            state.stage(&mut rows)
        });
        Self { transfer, next: 0, parts, staging }
    }

    /// Adds the next part. Waits if previous parts are not staged yet.
    pub(crate) async fn add_part(&mut self, part: Vec<u8>) -> Result<(), String> {
        self.next += 1;
        if self.parts.send(part).await.is_ok() {
            return Ok(());
        }
        // Staging ended early. Its result contains the reason.
        match (&mut self.staging).await {
            Ok(Ok(_)) => Err("the snapshot continues after its end".to_owned()),
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(panic) => Err(panic.to_string()),
        }
    }

    /// Finishes staging after the last part.
    pub(crate) async fn finish(self) -> Result<SnapshotData, String> {
        drop(self.parts);
        let staged = self.staging.await.map_err(|panic| panic.to_string())?;
        staged.map(SnapshotData::Staged).map_err(|fault| fault.to_string())
    }
}

/// Reads the parts as one stream.
struct PartReader {
    parts: mpsc::Receiver<Vec<u8>>,
    part: io::Cursor<Vec<u8>>,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.part.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.parts.blocking_recv() {
                Some(part) => self.part = io::Cursor::new(part),
                None => return Ok(0),
            }
        }
    }
}
