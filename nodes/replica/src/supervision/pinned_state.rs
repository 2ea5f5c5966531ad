//! A replica's state as of one log entry, readable while later entries are applied.

use std::io::Write;
use std::sync::Arc;

use protocol::codec;

pub(crate) struct PinnedState {
    state: Arc<dyn store::State>,
    pin: store::Pin,
}

impl PinnedState {
    pub fn new(state: Arc<dyn store::State>, pin: store::Pin) -> Self {
        Self { state, pin }
    }

    /// Writes all rows to `to`, in the format that [`store::RowReader`] reads. Returns the number of rows.
    ///
    /// # Errors
    /// When the store or the writer fails.
    pub fn export(&self, to: &mut dyn Write) -> Result<u64, store::Fault> {
        store::export_pinned(&*self.state, &self.pin, to)
    }

    /// A checksum of all rows.
    pub fn checksum(&self) -> Result<u128, store::Fault> {
        let mut checksum = Checksum(0);
        self.export(&mut checksum)?;
        Ok(checksum.0)
    }
}

struct Checksum(u128);

impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = codec::hash128(&[&self.0.to_be_bytes(), bytes]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
