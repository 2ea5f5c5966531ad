//! Snapshots. To have one is to have the state on disk; its rows are copied only when a peer needs them.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openraft::RaftSnapshotBuilder;
use store::{Pin, State, export, export_pinned};

use crate::machine::TRAVELS_FROM;
use crate::shared::{Halt, Shared};
use crate::types::{Snapshot, SnapshotMeta, Types};

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
    type SnapshotData = Spool;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        if let Err(fault) = self.shared.flush().await {
            self.shared.halt(Halt::Store(fault.to_string()));
            return Err(io::Error::other(fault));
        }
        Ok(Snapshot { meta: self.meta.clone(), snapshot: Spool::Memory(Vec::new()) })
    }
}

/// The rows of a state on their way to or from a peer, as [`store::export`] writes them.
pub(crate) enum Spool {
    /// Small states, and tests.
    Memory(Vec<u8>),
    /// A file without a name, that goes when this is dropped or the process dies.
    File { file: File, length: u64 },
    /// Not copied yet: the rows as they were, while the machine goes on.
    Pinned { state: Arc<dyn State>, pin: Pin, dir: Option<PathBuf> },
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length())
    }
}

impl Spool {
    /// An empty spool, in `dir` where there is one.
    pub(crate) fn new(dir: Option<&Path>) -> io::Result<Self> {
        let Some(dir) = dir else { return Ok(Self::Memory(Vec::new())) };
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("snapshot-{:016x}", rand::random::<u64>()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Self::File { file, length: 0 })
    }

    /// The rows of `state` as they are now. Nothing may be committed during this call; where the state cannot be pinned,
    /// it takes as long as copying takes.
    pub(crate) fn of(state: &Arc<dyn State>, dir: Option<&Path>) -> io::Result<Self> {
        if let Some(pin) = state.pin(TRAVELS_FROM) {
            return Ok(Self::Pinned { state: Arc::clone(state), pin, dir: dir.map(Path::to_owned) });
        }
        let mut spool = Self::new(dir)?;
        export(&**state, TRAVELS_FROM, &mut spool).map_err(io::Error::other)?;
        Ok(spool)
    }

    /// Copies what is not copied yet. Blocks.
    pub(crate) fn copied(self) -> io::Result<Self> {
        match self {
            Self::Memory(_) | Self::File { .. } => Ok(self),
            Self::Pinned { state, pin, dir } => {
                let mut spool = Self::new(dir.as_deref())?;
                export_pinned(&*state, &pin, &mut spool).map_err(io::Error::other)?;
                Ok(spool)
            }
        }
    }

    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
            Self::Pinned { .. } => 0,
        }
    }

    /// Up to `limit` bytes from `offset` on.
    pub(crate) fn part(&self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let left = self.length().saturating_sub(offset);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(limit);
        match self {
            Self::Memory(bytes) => {
                let offset = usize::try_from(offset).map_err(io::Error::other)?;
                Ok(bytes.get(offset..offset + count).unwrap_or_default().to_vec())
            }
            Self::File { file, .. } => {
                let mut bytes = vec![0; count];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes)
            }
            Self::Pinned { .. } => Err(io::Error::other("the rows are not copied yet")),
        }
    }

    pub(crate) fn reader(&self) -> impl Read {
        Reader { spool: self, offset: 0, part: io::Cursor::new(Vec::new()) }
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Memory(all) => all.extend_from_slice(bytes),
            Self::File { file, length } => {
                file.write_all_at(bytes, *length)?;
                *length += bytes.len() as u64;
            }
            Self::Pinned { .. } => return Err(io::Error::other("the rows are there already")),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Reader<'a> {
    spool: &'a Spool,
    offset: u64,
    part: io::Cursor<Vec<u8>>,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const PART: usize = 256 << 10;
        let read = self.part.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let part = self.spool.part(self.offset, PART)?;
        self.offset += part.len() as u64;
        self.part = io::Cursor::new(part);
        self.part.read(buffer)
    }
}
