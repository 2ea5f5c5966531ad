//! A replica's state on disk: a sled database with one tree, plus the changes since the last flush in memory.
//!
//! A flush first writes all changes since the previous flush to the journal, then applies them to the tree one by
//! one, and then syncs the tree. After a crash in between, the tree may contain some of them: opening applies all of
//! them again. The state on disk is therefore that of the last completed flush or of the one in progress, never a
//! mixture.
//!
//! Trees:
//! - `a` or `b`: the state. Key: the row's key. Value: the row's value, followed by 4 bytes of checksum over key and
//!   value. One of the two is current. The other holds staged rows that are to replace it.
//! - the default tree: `current`: which tree is current; `flushes`: number of flushes (8 bytes, little-endian). The
//!   file `synced` beside the database repeats the last of these numbers: a database with a lower number has lost
//!   flushed data.

use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::batch::{Batch, Row};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::journal::Journal;
use crate::memory::is_empty;
use crate::overlay::{Changes, Overlay};
use crate::pin::{Pin, Pins};
use crate::state::{Stage, Staged, State};

const CURRENT: &[u8] = b"current";
const FLUSHES: &[u8] = b"flushes";
const TREES: [&[u8]; 2] = [b"a", b"b"];
const CHECKSUM_BYTES: usize = 4;
/// Staged rows are synced after this many bytes.
const STAGE_SYNC_BYTES: usize = 4 << 20;

/// A [`State`] in a directory of its own. See the module documentation.
#[derive(Debug)]
pub struct Disk {
    engine: Engine,
    current: RwLock<Current>,
    overlay: RwLock<Overlay>,
    journal: Journal,
    flushes: AtomicU64,
    /// Serialises flushes.
    flushing: Mutex<()>,
    /// Serialises staging. Counts the stages.
    stages: Mutex<u64>,
    pins: Pins,
}

#[derive(Debug, Clone)]
struct Current {
    which: usize,
    tree: sled::Tree,
}

impl Disk {
    /// Opens the state in `path`, and creates it if missing. `cache_bytes` limits its memory.
    ///
    /// # Errors
    /// [`Fault::Io`] if the file system fails or another process has opened it; [`Fault::Corrupt`], with the path, if
    /// it is damaged or lacks flushed data.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let engine = Engine::open(path, cache_bytes)?;
        let (which, flushes) = engine.run(|db| Ok((db.get(CURRENT)?, db.get(FLUSHES)?)))?;
        let which = usize::from(which.as_deref() == Some(TREES[1]));
        let flushes = match flushes {
            None => 0,
            Some(bytes) => {
                u64::from_le_bytes(bytes.as_ref().try_into().map_err(|_| damaged(path, "a count"))?)
            }
        };
        let recorded = engine.last_synced();
        if flushes < recorded {
            let text = format!("{}: flushed data is missing", path.display());
            return Err(Fault::Corrupt(format!("{text} (the last flush is {flushes}, expected {recorded})")));
        }
        let tree = engine.run(|db| {
            // Staged rows whose installation was interrupted by a crash.
            db.drop_tree(TREES[1 - which])?;
            db.open_tree(TREES[which])
        })?;
        let journal = Journal::open(path)?;
        let disk = Self {
            engine,
            current: RwLock::new(Current { which, tree }),
            overlay: RwLock::default(),
            journal,
            flushes: AtomicU64::new(flushes),
            flushing: Mutex::new(()),
            stages: Mutex::new(0),
            pins: Pins::default(),
        };
        disk.recover(recorded)?;
        Ok(disk)
    }

    /// Completes a flush that was interrupted by a crash. Flushes up to `recorded` were complete. So were those
    /// before the number in the tree, which is higher than that of the journal after an installation.
    fn recover(&self, recorded: u64) -> Result<(), Fault> {
        let in_tree = self.flushes.load(Ordering::Relaxed);
        match self.journal.read()? {
            Some((number, changes)) if number > recorded && number >= in_tree => {
                self.apply_changes(number, &changes)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Applies the changes of flush `number` to the tree and syncs it. Idempotent.
    fn apply_changes(&self, number: u64, changes: &Changes) -> Result<(), Fault> {
        let tree = self.current().tree.clone();
        for (key, value) in changes {
            self.engine.run(|_| match value {
                Some(value) => tree.insert(key, with_checksum(key, value)).map(drop),
                None => tree.remove(key).map(drop),
            })?;
        }
        self.finish_flush(number)
    }

    /// Syncs the tree as of flush `number`.
    fn finish_flush(&self, number: u64) -> Result<(), Fault> {
        self.engine.run(|db| db.insert(FLUSHES, &number.to_le_bytes()).map(drop))?;
        self.engine.sync()?;
        self.engine.note_synced(number)?;
        self.flushes.store(number, Ordering::Relaxed);
        Ok(())
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_overlay(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_overlay(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_stages(&self) -> MutexGuard<'_, u64> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_flush(&self) -> MutexGuard<'_, ()> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_tree<T>(&self, call: impl FnOnce(&sled::Tree) -> sled::Result<T>) -> Result<T, Fault> {
        let current = self.current();
        self.engine.run(|_| call(&current.tree))
    }

    fn open_value(&self, key: &[u8], stored: &[u8]) -> Result<Vec<u8>, Fault> {
        let Some((value, sum)) = stored.split_last_chunk::<CHECKSUM_BYTES>() else {
            return Err(damaged(self.engine.path(), "a value without its checksum"));
        };
        if checksum(key, value) != *sum {
            return Err(damaged(self.engine.path(), "a value that does not match its checksum"));
        }
        Ok(value.to_vec())
    }
}

impl State for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(known) = self.read_overlay().find(key) {
            return Ok(known.clone());
        }
        let stored = self.with_tree(|tree| tree.get(key))?;
        stored.map(|stored| self.open_value(key, &stored)).transpose()
    }

    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, Fault> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        // The lock is held until the end, so that the result is consistent and a flush does not remove rows from the
        // overlay in between.
        let overlay = self.read_overlay();
        let rows = self.with_tree(|tree| {
            let stored = tree.range::<&[u8], _>((from, to));
            if reverse {
                overlay.scan((from, to), limit, reverse, stored.rev())
            } else {
                overlay.scan((from, to), limit, reverse, stored)
            }
        })?;
        rows.into_iter().map(|row| row.open(|key, stored| self.open_value(key, stored))).collect()
    }

    fn commit(&self, batch: Batch) -> Result<(), Fault> {
        if batch.rows.is_empty() {
            return Ok(());
        }
        self.engine.health()?;
        let mut pins = self.pins.lock();
        pins.preserve(&batch, |key| self.get(key))?;
        self.write_overlay().commit(batch);
        Ok(())
    }

    fn flush(&self) -> Result<(), Fault> {
        let _guard = self.lock_flush();
        self.engine.health()?;
        let Some(changes) = self.write_overlay().begin_flush() else { return Ok(()) };
        let number = self.flushes.load(Ordering::Relaxed) + 1;
        // The journal may be partially written. Nothing may be written over it.
        self.journal.write(number, &changes).inspect_err(|fault| self.engine.poison(fault))?;
        self.apply_changes(number, &changes)?;
        self.write_overlay().end_flush();
        Ok(())
    }

    fn unflushed_bytes(&self) -> usize {
        self.read_overlay().active_bytes()
    }

    fn size(&self) -> u64 {
        self.engine.run(sled::Db::size_on_disk).unwrap_or_default()
    }

    fn pin(&self, from: Bound<&[u8]>) -> Option<Pin> {
        Some(self.pins.pin(from))
    }

    fn pinned(&self, pin: &Pin, limit: usize) -> Result<Option<Vec<Row>>, Fault> {
        self.pins.lock().read(pin, limit, |from| self.scan(from, Bound::Unbounded, limit, false))
    }

    /// Stages in the second tree.
    fn stage(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<Staged, Fault> {
        let mut stages = self.lock_stages();
        let which = 1 - self.current().which;
        let tree = self.engine.run(|db| {
            db.drop_tree(TREES[which])?;
            db.open_tree(TREES[which])
        })?;
        *stages += 1;
        // Synced while rows arrive: one large sync at the end would delay other writers of the disk, in particular
        // the log.
        std::thread::scope(|scope| {
            let (written, to_sync) = std::sync::mpsc::sync_channel(1);
            let syncing = scope.spawn(move || to_sync.into_iter().try_for_each(|()| self.engine.sync()));
            let mut unsynced = 0;
            for row in rows {
                let (key, value) = row?;
                unsynced += key.len() + value.len();
                self.engine.run(|_| tree.insert(&key, with_checksum(&key, &value)).map(drop))?;
                // If a sync is already queued, it includes these rows.
                if unsynced >= STAGE_SYNC_BYTES && written.try_send(()).is_ok() {
                    unsynced = 0;
                }
            }
            drop(written);
            syncing.join().unwrap_or_else(|_| Err(Fault::Io("the sync thread panicked".to_owned())))
        })?;
        self.engine.sync()?;
        Ok(Staged(Stage::Tree { which, number: *stages }))
    }

    fn install(&self, staged: Staged, more: Vec<Row>) -> Result<(), Fault> {
        let Stage::Tree { which, number } = staged.0 else {
            return Err(Fault::Io("the rows were staged by another state".to_owned()));
        };
        let _guard = self.lock_flush();
        let mut stages = self.lock_stages();
        if number != *stages {
            return Err(Fault::Io("the staged rows were discarded".to_owned()));
        }
        *stages += 1;
        let tree = self.engine.run(|db| db.open_tree(TREES[which]))?;
        for (key, value) in more {
            self.engine.run(|_| tree.insert(&key, with_checksum(&key, &value)).map(drop))?;
        }
        self.engine.sync()?;
        self.engine.run(|db| db.insert(CURRENT, TREES[which]).map(drop))?;
        // Uses a number that the journal does not contain, so that the journal is not applied again.
        self.finish_flush(self.flushes.load(Ordering::Relaxed) + 1)?;
        self.pins.lock().invalidate();
        {
            let mut overlay = self.write_overlay();
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { which, tree };
            *overlay = Overlay::default();
        }
        self.engine.run(|db| db.drop_tree(TREES[1 - which]).map(drop))
    }

    /// Atomic, also in a crash: the rows are staged in the second tree, which then becomes current.
    fn replace(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<(), Fault> {
        let staged = self.stage(rows)?;
        self.install(staged, Vec::new())
    }
}

/// A value followed by its checksum.
fn with_checksum(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(value.len() + CHECKSUM_BYTES);
    stored.extend_from_slice(value);
    stored.extend_from_slice(&checksum(key, value));
    stored
}

/// Covers key and value, so that a value stored under another key is detected.
fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize().to_le_bytes()
}

fn damaged(path: &Path, what: &str) -> Fault {
    Fault::Corrupt(format!("{}: {what}", path.display()))
}
