//! Snapshots. To have one is to have the state on disk; its rows travel only when a peer needs them: read from a pin while
//! the machine goes on, sent part by part, and taken in by the peer as they arrive.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use openraft::RaftSnapshotBuilder;
use store::{Fault, PartWriter, Pin, RowReader, Staged, State, export_pinned};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::shared::{Shared, StopReason};
use crate::types::{Snapshot, SnapshotMeta, Types};

/// Parts that are read ahead of the network, and those that wait to be taken in.
const AHEAD: usize = 3;

/// Makes the state durable, so that the log may be cut behind it.
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

/// The rows of a snapshot.
pub(crate) enum SnapshotData {
    /// Those of the state itself: nobody has asked for them.
    Local,
    /// As they were, to be read while the machine goes on.
    Pinned { state: Arc<dyn State>, pin: Pin },
    /// A peer's, taken in beside the state.
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

/// The next bytes of a snapshot, as [`store::RowReader`] reads them; or why there are none. It ends after the last.
pub(crate) type Stream = mpsc::Receiver<io::Result<Vec<u8>>>;

impl SnapshotData {
    /// Reads the rows on a thread of its own, in parts of so many bytes.
    pub(crate) fn read(self, part_bytes: usize) -> io::Result<Stream> {
        let Self::Pinned { state, pin } = self else {
            return Err(io::Error::other("these rows are not there to be read"));
        };
        let (sender, parts) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            let nobody = |_| io::Error::other("nobody reads any more");
            let mut out = PartWriter::new(part_bytes, |part| sender.blocking_send(Ok(part)).map_err(nobody));
            if let Err(fault) = export_pinned(&*state, &pin, &mut out) {
                drop(out);
                // Where this fails, too, nobody is there to be told.
                let _ = sender.blocking_send(Err(io::Error::other(fault)));
            }
        });
        Ok(parts)
    }
}

/// A snapshot that is arriving: its rows are taken in on a thread of their own.
pub(crate) struct IncomingSnapshot {
    pub transfer: u64,
    /// The number of the part that comes next.
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

    /// Takes the next part; waits where those before it are not taken in yet.
    pub(crate) async fn take(&mut self, part: Vec<u8>) -> Result<(), String> {
        self.next += 1;
        if self.parts.send(part).await.is_ok() {
            return Ok(());
        }
        // It has ended early: with the reason why.
        match (&mut self.staging).await {
            Ok(Ok(_)) => Err("a snapshot goes on behind its end".to_owned()),
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(panic) => Err(panic.to_string()),
        }
    }

    /// That was the last one.
    pub(crate) async fn end(self) -> Result<SnapshotData, String> {
        drop(self.parts);
        let staged = self.staging.await.map_err(|panic| panic.to_string())?;
        staged.map(SnapshotData::Staged).map_err(|fault| fault.to_string())
    }
}

/// The parts as one stream.
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
