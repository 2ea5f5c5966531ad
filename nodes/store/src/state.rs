//! The interface of a replica's state.

use std::ops::Bound;

use crate::batch::{Batch, Row};
use crate::fault::Fault;
use crate::pin::Pin;

/// Rows per batch while a state is replaced.
pub(crate) const REPLACE_CHUNK_ROWS: usize = 1000;

/// Rows that are staged to replace a state: see [`State::stage`].
#[derive(Debug)]
pub struct Staged(pub(crate) Stage);

#[derive(Debug)]
pub(crate) enum Stage {
    /// Held in memory.
    Rows(Vec<Row>),
    /// Stored in the other tree of the state.
    Tree { which: usize, number: u64 },
}

/// An ordered map of bytes. Supports one writer and any number of readers.
pub trait State: Send + Sync + 'static {
    /// The value of `key`.
    ///
    /// # Errors
    /// If the store has failed.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault>;

    /// At most `limit` rows between two keys, in ascending order, or descending if `reverse`.
    ///
    /// # Errors
    /// If the store has failed.
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, Fault>;

    /// Applies `batch` atomically. Visible at once, on disk after [`State::flush`].
    ///
    /// # Errors
    /// If the disk fails. Nothing of the batch is visible then.
    fn commit(&self, batch: Batch) -> Result<(), Fault>;

    /// Returns once all previous commits are on disk.
    ///
    /// # Errors
    /// If the disk fails.
    fn flush(&self) -> Result<(), Fault>;

    /// Approximate number of bytes in memory that are not flushed.
    fn unflushed_bytes(&self) -> usize {
        0
    }

    /// Size on disk, in bytes.
    fn size(&self) -> u64;

    /// Pins the current rows from `from` on, to be read with [`State::pinned`] while commits continue. `None` if the
    /// implementation does not support it.
    fn pin(&self, from: Bound<&[u8]>) -> Option<Pin> {
        let _ = from;
        None
    }

    /// The next rows of a pin of this state, in key order, about `limit` (at least 1) of them. `None` after the last.
    ///
    /// # Errors
    /// If the store has failed, or the state was replaced since.
    fn pinned(&self, pin: &Pin, limit: usize) -> Result<Option<Vec<Row>>, Fault> {
        let _ = (pin, limit);
        Err(Fault::Io("this state does not support pins".to_owned()))
    }

    /// Stages rows that will replace this state later, while this state stays in use. On disk when this returns, if
    /// the state is on disk. Staging again discards the previously staged rows.
    ///
    /// # Errors
    /// The first error that `rows` yields, or an I/O error.
    fn stage(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<Staged, Fault> {
        Ok(Staged(Stage::Rows(rows.collect::<Result<_, _>>()?)))
    }

    /// Replaces the whole state by the staged rows and `more`, as [`State::replace`] does.
    ///
    /// # Errors
    /// An I/O error, or if the rows were staged by another state or discarded.
    fn install(&self, staged: Staged, more: Vec<Row>) -> Result<(), Fault> {
        match staged.0 {
            Stage::Rows(rows) => self.replace(&mut rows.into_iter().chain(more).map(Ok)),
            Stage::Tree { .. } => Err(Fault::Io("the rows were staged by another state".to_owned())),
        }
    }

    /// Replaces the whole state by `rows`. On disk when this returns. The caller ensures that nothing is committed
    /// meanwhile. Unless the implementation states otherwise, a crash in between leaves a mixture.
    ///
    /// # Errors
    /// The first error that `rows` yields, or an I/O error.
    fn replace(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<(), Fault> {
        loop {
            let old = self.scan(Bound::Unbounded, Bound::Unbounded, REPLACE_CHUNK_ROWS, false)?;
            if old.is_empty() {
                break;
            }
            self.commit(Batch { rows: old.into_iter().map(|(key, _)| (key, None)).collect() })?;
        }
        let mut batch = Batch::default();
        for row in rows {
            let (key, value) = row?;
            batch.put(key, value);
            if batch.rows.len() == REPLACE_CHUNK_ROWS {
                self.commit(std::mem::take(&mut batch))?;
            }
        }
        self.commit(batch)?;
        self.flush()
    }
}
