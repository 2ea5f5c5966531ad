//! Reading all rows as they were at one point, while writing goes on.
//!
//! Whoever commits first keeps, for each pin, what the rows that it changes were before; a reader takes those in place of
//! what it finds. A chunk of reading and a commit exclude each other, so a commit waits for one chunk at most.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::{Batch, Fault, Row};

/// A point of a state that is being read. Costs memory for what is overwritten until it is dropped.
#[derive(Debug)]
pub struct Pin {
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug)]
struct Progress {
    /// What is still to be read begins here; none when all was.
    next: Option<Bound<Vec<u8>>>,
    /// What rows still to be read were at that point, where they have changed since.
    before: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The state was replaced beneath.
    invalid: bool,
}

/// The pins of one state.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    pins: Mutex<Vec<Weak<Mutex<Progress>>>>,
}

/// While this is held, nothing else is committed and no pin is read.
pub(crate) struct PinsGuard<'a>(MutexGuard<'a, Vec<Weak<Mutex<Progress>>>>);

impl Pins {
    pub(crate) fn pin(&self, from: Bound<&[u8]>) -> Pin {
        let next = Some(from.map(<[u8]>::to_vec));
        let progress = Arc::new(Mutex::new(Progress { next, before: BTreeMap::new(), invalid: false }));
        self.lock().0.push(Arc::downgrade(&progress));
        Pin { progress }
    }

    pub(crate) fn lock(&self) -> PinsGuard<'_> {
        PinsGuard(self.pins.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PinsGuard<'_> {
    /// Keeps what `batch` is about to change.
    pub(crate) fn preserve(
        &mut self,
        batch: &Batch,
        get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Fault>,
    ) -> Result<(), Fault> {
        self.0.retain(|pin| pin.strong_count() > 0);
        for progress in self.0.iter().filter_map(Weak::upgrade) {
            let mut progress = lock(&progress);
            for (key, _) in &batch.rows {
                if progress.is_unread(key) && !progress.before.contains_key(key) {
                    progress.before.insert(key.clone(), get(key)?);
                }
            }
        }
        Ok(())
    }

    /// All rows are about to be others: what was pinned cannot be read to its end.
    pub(crate) fn invalidate(&mut self) {
        for progress in self.0.drain(..).filter_map(|pin| pin.upgrade()) {
            lock(&progress).invalid = true;
        }
    }

    /// The next rows of `pin`, about `limit` of them; none at the end. `scan` reads the present rows.
    pub(crate) fn read(
        &mut self,
        pin: &Pin,
        limit: usize,
        scan: impl FnOnce(Bound<&[u8]>) -> Result<Vec<Row>, Fault>,
    ) -> Result<Option<Vec<Row>>, Fault> {
        let mut progress = lock(&pin.progress);
        if progress.invalid {
            return Err(Fault::Io("the state was replaced while it was read".to_owned()));
        }
        let Some(next) = progress.next.take() else { return Ok(None) };
        let present = scan(next.as_ref().map(Vec::as_slice))?;
        let last = if present.len() < limit { None } else { present.last().map(|(key, _)| key.clone()) };
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = present.into_iter().collect();
        // Cut, not gone through: there may be many more of them than rows are read, and commits wait.
        let mut later = last.as_ref().map(|last| progress.before.split_off(last)).unwrap_or_default();
        let at_last = last.as_ref().and_then(|last| later.remove_entry(last));
        let before = std::mem::replace(&mut progress.before, later);
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
