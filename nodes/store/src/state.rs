//! What the kernel asks of a replica's state.

use std::ops::Bound;

use crate::Pin;

/// Rows in one batch while a state is replaced.
pub(crate) const REPLACE_CHUNK_ROWS: usize = 1000;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The store broke: the disk refused, or what it gives back is not what was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The disk or the file system refused.
    #[error("the disk refused: {0}")]
    Io(String),
    /// What is stored is damaged.
    #[error("damaged: {0}")]
    Corrupt(String),
}

/// Changes that land together or not at all. The last word on a key wins.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// Key, and the new value or `None` to remove it.
    pub rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Sets `key`.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.push((key, Some(value)));
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.rows.push((key, None));
    }
}

/// Rows that were taken in beside a state: see [`State::stage`].
#[derive(Debug)]
pub struct Staged(pub(crate) Stage);

#[derive(Debug)]
pub(crate) enum Stage {
    /// In memory.
    Rows(Vec<Row>),
    /// In the state's other tree.
    Tree { which: usize, number: u64 },
}

/// An ordered map of bytes on some medium. One writer; any number of readers.
pub trait State: Send + Sync + 'static {
    /// The value of `key`.
    ///
    /// # Errors
    /// When the store is broken.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault>;

    /// At most `limit` rows between two keys, ascending, or descending when `reverse`.
    ///
    /// # Errors
    /// When the store is broken.
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
    /// When the disk refuses; nothing of the batch is visible then.
    fn commit(&self, batch: Batch) -> Result<(), Fault>;

    /// Returns once everything committed before is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    fn flush(&self) -> Result<(), Fault>;

    /// Bytes in memory that wait for the next flush, about.
    fn unflushed_bytes(&self) -> usize {
        0
    }

    /// Bytes on disk.
    fn size(&self) -> u64;

    /// Pins the present rows from `from` on, to be read by [`State::pinned`] while commits go on; none where the
    /// implementation cannot do that.
    fn pin(&self, from: Bound<&[u8]>) -> Option<Pin> {
        let _ = from;
        None
    }

    /// The next rows of a pin of this state's, in key order, about `limit` (at least 1) of them; none after the last.
    ///
    /// # Errors
    /// When the store is broken, or the state was replaced since.
    fn pinned(&self, pin: &Pin, limit: usize) -> Result<Option<Vec<Row>>, Fault> {
        let _ = (pin, limit);
        Err(Fault::Io("this state cannot be pinned".to_owned()))
    }

    /// Takes in the rows of a state that is to be this one later, while this one goes on: on disk when this returns, where
    /// there is a disk. Staging anew gives up what was staged before.
    ///
    /// # Errors
    /// The first error that `rows` yields, or the disk's.
    fn stage(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<Staged, Fault> {
        Ok(Staged(Stage::Rows(rows.collect::<Result<_, _>>()?)))
    }

    /// Makes what was staged and `more` the whole state, as [`State::replace`] does.
    ///
    /// # Errors
    /// The disk's; or when it was staged elsewhere, or given up.
    fn install(&self, staged: Staged, more: Vec<Row>) -> Result<(), Fault> {
        match staged.0 {
            Stage::Rows(rows) => self.replace(&mut rows.into_iter().chain(more).map(Ok)),
            Stage::Tree { .. } => Err(Fault::Io("this was staged elsewhere".to_owned())),
        }
    }

    /// Makes `rows` the whole state, on disk when this returns. The caller sees to it that nothing is committed
    /// meanwhile. Unless an implementation says otherwise, a crash on the way leaves a mixture.
    ///
    /// # Errors
    /// The first error that `rows` yields, or the disk's.
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
