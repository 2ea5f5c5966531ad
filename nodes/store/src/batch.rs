//! Rows, and batches of changes to them.

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Changes that are committed atomically. Of several changes to one key, the last one applies.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// Key, and the new value, or `None` to remove the row.
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
