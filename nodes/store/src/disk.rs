//! A replica's state on disk: one sled database, one tree, and what was committed since the last flush in memory.
//!
//! A flush puts all changes since the one before into the journal, then makes them in the tree one by one, then syncs the
//! tree. After a crash on the way the tree may have some of them: opening makes all of them again. So the state on disk
//! is that of the last flush that ended, or of the one that was under way, and never anything between.
//!
//! Trees:
//! - `a` or `b`: the state. Key: the row's key. Value: the row's value, then 4 bytes of checksum over both. One of the
//!   two is current; the other holds what is staged to replace it.
//! - the default tree: `current`: which of them is; `flushes`: how many flushes there were (8 bytes, little-endian). The
//!   file `synced` beside sled's repeats the last of those numbers: a database that comes back with a lower one has
//!   lost what was promised.

use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::engine::Engine;
use crate::journal::Journal;
use crate::memory::is_empty;
use crate::overlay::{Changes, Overlay};
use crate::pin::Pins;
use crate::state::Stage;
use crate::{Batch, Fault, Pin, Row, Staged, State};

const CURRENT: &[u8] = b"current";
const FLUSHES: &[u8] = b"flushes";
const TREES: [&[u8]; 2] = [b"a", b"b"];
const CHECKSUM_BYTES: usize = 4;
/// While rows are staged, so many bytes of them are synced at a time.
const STAGE_SYNC_BYTES: usize = 4 << 20;

/// A [`State`] in a directory of its own. See the module.
#[derive(Debug)]
pub struct Disk {
    engine: Engine,
    current: RwLock<Current>,
    overlay: RwLock<Overlay>,
    journal: Journal,
    flushes: AtomicU64,
    /// One flush at a time.
    flushing: Mutex<()>,
    /// One stage at a time; how many there were.
    stages: Mutex<u64>,
    pins: Pins,
}

#[derive(Debug, Clone)]
struct Current {
    which: usize,
    tree: sled::Tree,
}

impl Disk {
    /// Opens the state in `path`, making it where it is missing. `cache_bytes` bounds its memory.
    ///
    /// # Errors
    /// [`Fault::Io`] when the file system refuses or another process has it; [`Fault::Corrupt`], naming the path, when
    /// it is damaged or lacks what was flushed.
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
        let promised = engine.last_synced();
        if flushes < promised {
            let text = format!("{}: rows that were flushed are gone", path.display());
            return Err(Fault::Corrupt(format!(
                "{text} (flush {flushes} of {promised} is the last one there)"
            )));
        }
        let tree = engine.run(|db| {
            // What a crash left of a replacement that did not come to its end.
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
        disk.recover(promised)?;
        Ok(disk)
    }

    /// Finishes the flush that a crash has cut off, if there is one. Those up to `promised` had come to their ends; so had
    /// those before the number in the tree, which a replacement may have left behind.
    fn recover(&self, promised: u64) -> Result<(), Fault> {
        let there = self.flushes.load(Ordering::Relaxed);
        match self.journal.read()? {
            Some((number, changes)) if number > promised && number >= there => {
                self.apply_changes(number, &changes)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes the changes of flush `number` in the tree, to the disk. Making them again is harmless.
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

    /// Puts the tree on disk, as of flush `number`.
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
        // Held until the end: what is read is between two commits, and a flush does not take away what it brings.
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
        // Half of it may be there, or all: nothing else may be written over it.
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

    /// In the second tree.
    fn stage(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<Staged, Fault> {
        let mut stages = self.lock_stages();
        let which = 1 - self.current().which;
        let tree = self.engine.run(|db| {
            db.drop_tree(TREES[which])?;
            db.open_tree(TREES[which])
        })?;
        *stages += 1;
        // To the disk as they come: all at the end would hold up whoever else writes there, the log first of all.
        std::thread::scope(|scope| {
            let (written, to_sync) = std::sync::mpsc::sync_channel(1);
            let syncing = scope.spawn(move || to_sync.into_iter().try_for_each(|()| self.engine.sync()));
            let mut unsynced = 0;
            for row in rows {
                let (key, value) = row?;
                unsynced += key.len() + value.len();
                self.engine.run(|_| tree.insert(&key, with_checksum(&key, &value)).map(drop))?;
                // Where one waits already, this is part of it.
                if unsynced >= STAGE_SYNC_BYTES && written.try_send(()).is_ok() {
                    unsynced = 0;
                }
            }
            drop(written);
            syncing.join().unwrap_or_else(|_| Err(Fault::Io("syncing panicked".to_owned())))
        })?;
        self.engine.sync()?;
        Ok(Staged(Stage::Tree { which, number: *stages }))
    }

    fn install(&self, staged: Staged, more: Vec<Row>) -> Result<(), Fault> {
        let Stage::Tree { which, number } = staged.0 else {
            return Err(Fault::Io("this was staged elsewhere".to_owned()));
        };
        let _guard = self.lock_flush();
        let mut stages = self.lock_stages();
        if number != *stages {
            return Err(Fault::Io("what was staged is given up".to_owned()));
        }
        *stages += 1;
        let tree = self.engine.run(|db| db.open_tree(TREES[which]))?;
        for (key, value) in more {
            self.engine.run(|_| tree.insert(&key, with_checksum(&key, &value)).map(drop))?;
        }
        self.engine.sync()?;
        self.engine.run(|db| db.insert(CURRENT, TREES[which]).map(drop))?;
        // With a number that the journal does not have: what is in it is over.
        self.finish_flush(self.flushes.load(Ordering::Relaxed) + 1)?;
        self.pins.lock().invalidate();
        {
            let mut overlay = self.write_overlay();
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { which, tree };
            *overlay = Overlay::default();
        }
        self.engine.run(|db| db.drop_tree(TREES[1 - which]).map(drop))
    }

    /// All or nothing, a crash included: the rows go to a second tree, which then becomes the current one.
    fn replace(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<(), Fault> {
        let staged = self.stage(rows)?;
        self.install(staged, Vec::new())
    }
}

/// A value with its checksum behind it.
fn with_checksum(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(value.len() + CHECKSUM_BYTES);
    sealed.extend_from_slice(value);
    sealed.extend_from_slice(&checksum(key, value));
    sealed
}

/// Over key and value, so that a value found under another key is noticed as well.
fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize().to_le_bytes()
}

fn damaged(path: &Path, what: &str) -> Fault {
    Fault::Corrupt(format!("{}: {what}", path.display()))
}
