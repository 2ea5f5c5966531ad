//! A replica's state on disk: one sled database, one tree.
//!
//! Trees:
//! - `a` or `b`: the state. Key: the row's key. Value: the row's value, then 4 bytes of checksum over both. One of the
//!   two is current; the other exists only while [`State::replace`] fills it.
//! - the default tree: `current`: which of them is; `flushes`: how many flushes there were (8 bytes, little-endian). The
//!   file `synced` beside sled's repeats the last of those numbers: a database that comes back with a lower one has
//!   lost what was promised.

use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::engine::Engine;
use crate::memory::is_empty;
use crate::pin::Pins;
use crate::state::REPLACE_CHUNK_ROWS;
use crate::{Batch, Fault, Pin, Row, State};

const CURRENT: &[u8] = b"current";
const FLUSHES: &[u8] = b"flushes";
const TREES: [&[u8]; 2] = [b"a", b"b"];
const CHECKSUM_BYTES: usize = 4;

/// A [`State`] in a directory of its own. See the module.
#[derive(Debug)]
pub struct Disk {
    engine: Engine,
    current: RwLock<Current>,
    /// Something was committed since the last flush.
    dirty: AtomicBool,
    flushes: AtomicU64,
    /// One flush at a time.
    flushing: Mutex<()>,
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
        let promised = engine.synced();
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
        Ok(Self {
            engine,
            current: RwLock::new(Current { which, tree }),
            dirty: AtomicBool::new(false),
            flushes: AtomicU64::new(flushes),
            flushing: Mutex::new(()),
            pins: Pins::default(),
        })
    }

    fn with_tree<T>(&self, call: impl FnOnce(&sled::Tree) -> sled::Result<T>) -> Result<T, Fault> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
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
        let rows = self.with_tree(|tree| {
            let range = tree.range::<&[u8], _>((from, to));
            if reverse {
                range.rev().take(limit).collect()
            } else {
                range.take(limit).collect::<sled::Result<Vec<_>>>()
            }
        })?;
        rows.into_iter().map(|(key, stored)| Ok((key.to_vec(), self.open_value(&key, &stored)?))).collect()
    }

    fn commit(&self, batch: Batch) -> Result<(), Fault> {
        if batch.rows.is_empty() {
            return Ok(());
        }
        let mut turn = self.pins.turn();
        turn.keep(&batch, |key| self.get(key))?;
        let batch = sealed(batch);
        self.with_tree(|tree| tree.apply_batch(batch))?;
        drop(turn);
        self.dirty.store(true, Ordering::Release);
        Ok(())
    }

    fn flush(&self) -> Result<(), Fault> {
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let number = self.flushes.load(Ordering::Relaxed) + 1;
        let flushed = self
            .engine
            .run(|db| db.insert(FLUSHES, &number.to_le_bytes()).map(drop))
            .and_then(|()| self.engine.sync())
            .and_then(|()| self.engine.note_synced(number));
        match flushed {
            Ok(()) => self.flushes.store(number, Ordering::Relaxed),
            Err(_) => self.dirty.store(true, Ordering::Release),
        }
        flushed
    }

    fn size(&self) -> u64 {
        self.engine.run(sled::Db::size_on_disk).unwrap_or_default()
    }

    fn pin(&self, from: Bound<&[u8]>) -> Option<Pin> {
        Some(self.pins.pin(from))
    }

    fn pinned(&self, pin: &Pin, limit: usize) -> Result<Option<Vec<Row>>, Fault> {
        self.pins.turn().read(pin, limit, |from| self.scan(from, Bound::Unbounded, limit, false))
    }

    /// All or nothing, a crash included: the rows go to a second tree, which then becomes the current one.
    fn replace(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<(), Fault> {
        let old = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let which = 1 - old.which;
        let tree = self.engine.run(|db| {
            db.drop_tree(TREES[which])?;
            db.open_tree(TREES[which])
        })?;
        let mut batch = Batch::default();
        for row in rows {
            let (key, value) = row?;
            batch.put(key, value);
            if batch.rows.len() == REPLACE_CHUNK_ROWS {
                let batch = sealed(std::mem::take(&mut batch));
                self.engine.run(|_| tree.apply_batch(batch))?;
            }
        }
        self.engine.run(|_| tree.apply_batch(sealed(batch)))?;
        self.engine.sync()?;
        self.engine.run(|db| db.insert(CURRENT, TREES[which]).map(drop))?;
        self.dirty.store(true, Ordering::Release);
        self.flush()?;
        self.pins.turn().void();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { which, tree };
        self.engine.run(|db| db.drop_tree(TREES[old.which]).map(drop))
    }
}

fn sealed(batch: Batch) -> sled::Batch {
    let mut sealed = sled::Batch::default();
    for (key, value) in batch.rows {
        match value {
            Some(mut value) => {
                let sum = checksum(&key, &value);
                value.extend_from_slice(&sum);
                sealed.insert(key, value);
            }
            None => sealed.remove(key),
        }
    }
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
