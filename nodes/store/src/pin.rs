//! Reading all rows as of one point in time while commits continue.
//!
//! Before a commit changes a row, the row's previous value is preserved for each pin that has not read it yet. The
//! reader uses the preserved values instead of the current ones. Reading a chunk and committing exclude each other,
//! so a commit waits for one chunk at most.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::batch::{Batch, Row};
use crate::fault::Fault;

/// A consistent view of a state that is being read. Until it is dropped, previous values of changed rows are kept in
/// memory.
#[derive(Debug)]
pub struct Pin {
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug)]
struct Progress {
    /// Where the unread rows begin. `None` if all were read.
    next: Option<Bound<Vec<u8>>>,
    /// Previous values of unread rows that have changed.
    previous: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The state was replaced.
    invalid: bool,
}

/// Pins of one state.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    pins: Mutex<Vec<Weak<Mutex<Progress>>>>,
}

/// Lock on the pins of a state. While it is held, nothing is committed and no pin is read.
pub(crate) struct PinsGuard<'a>(MutexGuard<'a, Vec<Weak<Mutex<Progress>>>>);

impl Pins {
    pub(crate) fn pin(&self, from: Bound<&[u8]>) -> Pin {
        let next = Some(from.map(<[u8]>::to_vec));
        let progress = Arc::new(Mutex::new(Progress { next, previous: BTreeMap::new(), invalid: false }));
        self.lock().0.push(Arc::downgrade(&progress));
        Pin { progress }
    }

    pub(crate) fn lock(&self) -> PinsGuard<'_> {
        PinsGuard(self.pins.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PinsGuard<'_> {
    /// Preserves the current values of the rows that `batch` changes.
    pub(crate) fn preserve(
        &mut self,
        batch: &Batch,
        get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Fault>,
    ) -> Result<(), Fault> {
        self.0.retain(|pin| pin.strong_count() > 0);
        for progress in self.0.iter().filter_map(Weak::upgrade) {
            let mut progress = lock(&progress);
            for (key, _) in &batch.rows {
                if progress.is_unread(key) && !progress.previous.contains_key(key) {
                    progress.previous.insert(key.clone(), get(key)?);
                }
            }
        }
        Ok(())
    }

    /// Invalidates all pins, because the state is replaced.
    pub(crate) fn invalidate(&mut self) {
        for progress in self.0.drain(..).filter_map(|pin| pin.upgrade()) {
            lock(&progress).invalid = true;
        }
    }

    /// The next rows of `pin`, about `limit` of them. `None` at the end. `scan` reads the current rows.
    pub(crate) fn read(
        &mut self,
        pin: &Pin,
        limit: usize,
        scan: impl FnOnce(Bound<&[u8]>) -> Result<Vec<Row>, Fault>,
    ) -> Result<Option<Vec<Row>>, Fault> {
        let mut progress = lock(&pin.progress);
        if progress.invalid {
            return Err(Fault::Io("the state was replaced while the pin was read".to_owned()));
        }
        let Some(next) = progress.next.take() else { return Ok(None) };
        let present = scan(next.as_ref().map(Vec::as_slice))?;
        let last = if present.len() < limit { None } else { present.last().map(|(key, _)| key.clone()) };
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = present.into_iter().collect();
        // Split instead of iterated: there may be many more preserved rows than rows to read, and commits wait
        // meanwhile.
        let mut later = last.as_ref().map(|last| progress.previous.split_off(last)).unwrap_or_default();
        let at_last = last.as_ref().and_then(|last| later.remove_entry(last));
        let before = std::mem::replace(&mut progress.previous, later);
        for (key, old) in before.into_iter().chain(at_last) {
            match old {
                Some(old) => rows.insert(key, old),
                None => rows.remove(&key),
            };
        }
        progress.next = last.map(Bound::Excluded);
        Ok(Some(rows.into_iter().collect()))
    }
}

impl Progress {
    fn is_unread(&self, key: &[u8]) -> bool {
        match &self.next {
            None => false,
            Some(Bound::Unbounded) => true,
            Some(Bound::Included(from)) => key >= from.as_slice(),
            Some(Bound::Excluded(from)) => key > from.as_slice(),
        }
    }
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
