//! What using sled needs: opening without surprises, errors that name the place, and a flush that is an fsync.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::Fault;
use crate::sync_marker::SyncMarker;

/// sled's own file, the one that has to be synced.
const DATA_FILE: &str = "db";
/// A database that was just closed in this process keeps its lock for a moment, in threads of sled's.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A sled database whose `flush` means "on disk", and which stays broken once it broke.
#[derive(Debug)]
pub(crate) struct Engine {
    db: sled::Db,
    data: File,
    marker: SyncMarker,
    path: PathBuf,
    broken: OnceLock<Fault>,
}

impl Engine {
    /// Opens the database in `path`, making it (mode 0700) where it is missing. `cache_bytes` bounds its memory.
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        private_dir(path)?;
        let config =
            sled::Config::new().path(path).flush_every_ms(None).cache_capacity(cache_bytes.max(1 << 20));
        let db = open_with_retry(&config, path)?;
        let data = File::open(path.join(DATA_FILE)).map_err(|error| io_fault(path, &error))?;
        let marker = SyncMarker::open(path)?;
        Ok(Self { db, data, marker, path: path.to_owned(), broken: OnceLock::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs one of sled's calls. Whatever goes wrong in it, a panic included, is a fault and breaks the engine for
    /// good: after a failed write nobody knows what is on disk.
    pub(crate) fn run<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Fault> {
        self.health()?;
        catch_panic(&self.path, || call(&self.db)).inspect_err(|fault| self.poison(fault))
    }

    /// Breaks it, for what went wrong beside it.
    pub(crate) fn poison(&self, fault: &Fault) {
        let _ = self.broken.set(fault.clone());
    }

    /// What broke it, if it is broken.
    pub(crate) fn health(&self) -> Result<(), Fault> {
        self.broken.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Returns once everything written before is on disk. sled's own flush ends in `sync_file_range`, which is no
    /// fsync (sled #1452); hence the second step.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.run(|db| {
            db.flush()?;
            self.data.sync_data()?;
            Ok(())
        })
    }

    /// Notes that everything up to `number` is on disk.
    pub(crate) fn note_synced(&self, number: u64) -> Result<(), Fault> {
        self.marker.write(number)
    }

    /// What was last noted; 0 for nothing.
    pub(crate) fn last_synced(&self) -> u64 {
        self.marker.read()
    }
}

fn open_with_retry(config: &sled::Config, path: &Path) -> Result<sled::Db, Fault> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match catch_panic(path, || config.open()) {
            Err(Fault::Io(text)) if text.contains("could not acquire lock") => {
                if Instant::now() >= until {
                    return Err(Fault::Io(format!("{} is open in another process", path.display())));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

fn catch_panic<T>(path: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| sled_fault(path, error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "sled panicked".to_owned());
            Err(Fault::Corrupt(format!("{}: {text}", path.display())))
        }
    }
}

fn sled_fault(path: &Path, error: sled::Error) -> Fault {
    let at = path.display();
    match error {
        sled::Error::Io(error) => io_fault(path, &error),
        sled::Error::Corruption { at: place, .. } => {
            Fault::Corrupt(format!("{at}: sled finds damage at {place:?}"))
        }
        sled::Error::CollectionNotFound(name) => {
            Fault::Corrupt(format!("{at}: the tree {:?} is gone", String::from_utf8_lossy(&name)))
        }
        sled::Error::Unsupported(text) | sled::Error::ReportableBug(text) => {
            Fault::Corrupt(format!("{at}: {text}"))
        }
    }
}

/// A refusal of the file system, with the path; bytes that cannot be what was written count as damage.
pub(crate) fn io_fault(path: &Path, error: &io::Error) -> Fault {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Fault::Corrupt(text),
        _ => Fault::Io(text),
    }
}

/// Makes a directory that only its owner can look into. One that is there keeps its mode.
pub(crate) fn private_dir(path: &Path) -> Result<(), Fault> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| io_fault(path, &error))
}
