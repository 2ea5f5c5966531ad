//! For crash tests: what was not flushed is really gone after kill -9.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::memory::is_empty;
use crate::{Batch, Fault, Row, State};

/// Holds commits in memory until [`State::flush`], which passes them on as one batch.
///
/// A process that is killed leaves what it wrote in the page cache, so kill -9 does not test whether anything was
/// synced; behind this it does. Selected by a setting, for tests: it costs memory for whatever is not flushed.
pub struct Unsynced {
    inner: Arc<dyn State>,
    pending: RwLock<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl std::fmt::Debug for Unsynced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsynced")
    }
}

impl Unsynced {
    /// Stands before `inner`.
    pub fn new(inner: Arc<dyn State>) -> Self {
        Self { inner, pending: RwLock::default() }
    }

    fn pending(&self) -> RwLockReadGuard<'_, BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
        self.pending.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State for Unsynced {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let pending = self.pending();
        match pending.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.inner.get(key),
        }
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
        let pending = self.pending();
        let written: BTreeMap<_, _> = pending.range::<[u8], _>((from, to)).collect();
        let removed = written.values().filter(|value| value.is_none()).count();
        let stored = self.inner.scan(from, to, limit.saturating_add(removed), reverse)?;
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = stored.into_iter().collect();
        for (key, value) in written {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        let rows = rows.into_iter();
        Ok(if reverse { rows.rev().take(limit).collect() } else { rows.take(limit).collect() })
    }

    fn commit(&self, batch: Batch) -> Result<(), Fault> {
        self.pending.write().unwrap_or_else(PoisonError::into_inner).extend(batch.rows);
        Ok(())
    }

    fn flush(&self) -> Result<(), Fault> {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        let rows = pending.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.inner.commit(Batch { rows })?;
        pending.clear();
        self.inner.flush()
    }

    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn replace(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<(), Fault> {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        self.inner.replace(rows)?;
        pending.clear();
        Ok(())
    }
}
