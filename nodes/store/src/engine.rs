//! A sled database with error handling and a flush that calls fsync.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::fs::{io_fault, private_dir};
use crate::sync_marker::SyncMarker;

/// sled's data file, which must be synced.
const DATA_FILE: &str = "db";
/// sled's background threads keep the lock of a closed database for a moment.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A sled database whose sync is durable. After the first failure, all operations fail.
#[derive(Debug)]
pub(crate) struct Engine {
    db: sled::Db,
    data: File,
    marker: SyncMarker,
    path: PathBuf,
    broken: OnceLock<Fault>,
}

impl Engine {
    /// Opens the database in `path`, and creates it (mode 0700) if missing. `cache_bytes` limits its memory.
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

    /// Runs a sled call. Any error or panic in it is a fault and makes the engine fail permanently: after a failed
    /// write the content of the disk is unknown.
    pub(crate) fn run<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Fault> {
        self.health()?;
        catch_panic(&self.path, || call(&self.db)).inspect_err(|fault| self.poison(fault))
    }

    /// Makes the engine fail permanently, because of a fault outside sled.
    pub(crate) fn poison(&self, fault: &Fault) {
        let _ = self.broken.set(fault.clone());
    }

    /// Fails with the fault that made the engine fail, if any.
    pub(crate) fn health(&self) -> Result<(), Fault> {
        self.broken.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Returns once all previous writes are on disk. sled's own flush ends in `sync_file_range`, which is not durable
    /// (sled #1452), so the file is synced as well.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.run(|db| {
            db.flush()?;
            self.data.sync_data()?;
            Ok(())
        })
    }

    /// Records that everything up to `number` is on disk.
    pub(crate) fn note_synced(&self, number: u64) -> Result<(), Fault> {
        self.marker.write(number)
    }

    /// The last recorded number, or 0.
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
            Fault::Corrupt(format!("{at}: sled reports corruption at {place:?}"))
        }
        sled::Error::CollectionNotFound(name) => {
            Fault::Corrupt(format!("{at}: the tree {:?} is missing", String::from_utf8_lossy(&name)))
        }
        sled::Error::Unsupported(text) | sled::Error::ReportableBug(text) => {
            Fault::Corrupt(format!("{at}: {text}"))
        }
    }
}
