//! Rows as a byte stream, for backups and for snapshots between replicas.
//!
//! Format: 8 bytes of magic; chunks of `length u32 | crc32 u32 | payload`, where the payload consists of rows `key
//! length u32 | key | value length u32 | value`; then a chunk of length 0 whose checksum field covers the number of
//! rows, which follows as `u64`. All little-endian. The final chunk makes truncation detectable.

use std::io::{Read, Write};
use std::ops::Bound;

use crate::batch::Row;
use crate::fault::Fault;
use crate::pin::Pin;
use crate::state::State;

const MAGIC: &[u8; 8] = b"aubrows1";
/// A chunk ends once it has reached this length.
const CHUNK_BYTES: usize = 256 << 10;
/// A single row can make a chunk longer, but a longer one than this is corrupt.
const CHUNK_BYTES_MAX: usize = 256 << 20;
const SCAN_ROWS: usize = 512;
/// Rows read from a pin at a time. Commits wait meanwhile.
const PINNED_ROWS: usize = 128;

/// Writes the rows from `from` on to `to`, in key order. Returns their number. The caller ensures that nothing is
/// committed meanwhile.
///
/// # Errors
/// If the state cannot be read or `to` cannot be written.
pub fn export(state: &dyn State, from: Bound<&[u8]>, to: &mut dyn Write) -> Result<u64, Fault> {
    let mut last: Option<Vec<u8>> = None;
    let mut ended = false;
    write(to, || {
        if ended {
            return Ok(None);
        }
        let start = last.as_deref().map_or(from, Bound::Excluded);
        let rows = state.scan(start, Bound::Unbounded, SCAN_ROWS, false)?;
        ended = rows.len() < SCAN_ROWS;
        last = rows.last().map(|(key, _)| key.clone());
        Ok(Some(rows))
    })
}

/// Writes the rows of a pin of `state` to `to`, while commits continue. Returns their number.
///
/// # Errors
/// If the state cannot be read or was replaced since, or `to` cannot be written.
pub fn export_pinned(state: &dyn State, pin: &Pin, to: &mut dyn Write) -> Result<u64, Fault> {
    write(to, || state.pinned(pin, PINNED_ROWS))
}

fn write(
    to: &mut dyn Write,
    mut next: impl FnMut() -> Result<Option<Vec<Row>>, Fault>,
) -> Result<u64, Fault> {
    to.write_all(MAGIC).map_err(io_error)?;
    let mut payload = Vec::with_capacity(CHUNK_BYTES + 4096);
    let mut count = 0u64;
    while let Some(rows) = next()? {
        for (key, value) in &rows {
            put(&mut payload, key)?;
            put(&mut payload, value)?;
            count += 1;
            if payload.len() >= CHUNK_BYTES {
                chunk(to, &payload)?;
                payload.clear();
            }
        }
    }
    if !payload.is_empty() {
        chunk(to, &payload)?;
    }
    to.write_all(&0u32.to_le_bytes()).map_err(io_error)?;
    to.write_all(&crc32fast::hash(&count.to_le_bytes()).to_le_bytes()).map_err(io_error)?;
    to.write_all(&count.to_le_bytes()).map_err(io_error)?;
    to.flush().map_err(io_error)?;
    Ok(count)
}

fn put(payload: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Fault> {
    let length =
        u32::try_from(bytes.len()).map_err(|_| Fault::Io("a row is longer than 4 GiB".to_owned()))?;
    payload.extend_from_slice(&length.to_le_bytes());
    payload.extend_from_slice(bytes);
    Ok(())
}

fn chunk(to: &mut dyn Write, payload: &[u8]) -> Result<(), Fault> {
    let length =
        u32::try_from(payload.len()).map_err(|_| Fault::Io("a row is longer than 4 GiB".to_owned()))?;
    to.write_all(&length.to_le_bytes()).map_err(io_error)?;
    to.write_all(&crc32fast::hash(payload).to_le_bytes()).map_err(io_error)?;
    to.write_all(payload).map_err(io_error)
}

/// A writer that splits its input into parts of equal length.
#[derive(Debug)]
pub struct PartWriter<F> {
    part: Vec<u8>,
    bytes: usize,
    emit: F,
}

impl<F: FnMut(Vec<u8>) -> std::io::Result<()>> PartWriter<F> {
    /// Passes parts of `bytes` bytes to `emit`. The last may be shorter, none is empty. [`Write::flush`] emits what
    /// is buffered.
    pub fn new(bytes: usize, emit: F) -> Self {
        Self { part: Vec::with_capacity(bytes), bytes, emit }
    }
}

impl<F: FnMut(Vec<u8>) -> std::io::Result<()>> Write for PartWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.bytes - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == self.bytes {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        (self.emit)(std::mem::replace(&mut self.part, Vec::with_capacity(self.bytes)))
    }
}

/// Reads the rows that [`export`] wrote. Import with `state.replace(&mut RowReader::new(from))`. Ends after the first
/// error.
#[derive(Debug)]
pub struct RowReader<R> {
    from: R,
    payload: Vec<u8>,
    at: usize,
    count: u64,
    started: bool,
    done: bool,
}

impl<R: Read> RowReader<R> {
    /// Reads rows from `from`.
    pub fn new(from: R) -> Self {
        Self { from, payload: Vec::new(), at: 0, count: 0, started: false, done: false }
    }

    fn advance(&mut self) -> Result<Option<Row>, Fault> {
        if !self.started {
            if self.bytes::<8>()? != *MAGIC {
                return Err(Fault::Corrupt("not a stream of rows".to_owned()));
            }
            self.started = true;
        }
        if self.at == self.payload.len() && !self.fetch()? {
            return Ok(None);
        }
        let key = self.field()?;
        let value = self.field()?;
        self.count += 1;
        Ok(Some((key, value)))
    }

    /// Reads the next chunk. Returns false at the end of the stream.
    fn fetch(&mut self) -> Result<bool, Fault> {
        let length = u32::from_le_bytes(self.bytes()?) as usize;
        let sum = u32::from_le_bytes(self.bytes()?);
        if length == 0 {
            let count = self.bytes::<8>()?;
            if crc32fast::hash(&count) != sum || u64::from_le_bytes(count) != self.count {
                return Err(Fault::Corrupt("the stream of rows is incomplete".to_owned()));
            }
            return Ok(false);
        }
        if length > CHUNK_BYTES_MAX {
            return Err(Fault::Corrupt("a chunk of rows has an invalid length".to_owned()));
        }
        self.payload.clear();
        self.at = 0;
        let read = (&mut self.from).take(length as u64).read_to_end(&mut self.payload).map_err(io_error)?;
        if read < length || crc32fast::hash(&self.payload) != sum {
            return Err(Fault::Corrupt("a chunk of rows does not match its checksum".to_owned()));
        }
        Ok(true)
    }

    fn field(&mut self) -> Result<Vec<u8>, Fault> {
        let wrong = || Fault::Corrupt("a chunk of rows is truncated".to_owned());
        let rest = &self.payload[self.at..];
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let length = u32::from_le_bytes(*length) as usize;
        let field = rest.get(..length).ok_or_else(wrong)?.to_vec();
        self.at += 4 + length;
        Ok(field)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::Corrupt("the stream of rows is truncated".to_owned()),
            _ => io_error(error),
        })?;
        Ok(bytes)
    }
}

impl<R: Read> Iterator for RowReader<R> {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = self.advance().transpose();
        self.done = !matches!(row, Some(Ok(_)));
        row
    }
}

fn io_error(error: std::io::Error) -> Fault {
    Fault::Io(error.to_string())
}
