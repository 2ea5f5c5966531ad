//! Rows as a stream of bytes: for backups, and for snapshots that travel between replicas.
//!
//! Format: 8 bytes of magic; chunks of `length u32 | crc32 u32 | payload`, where the payload is rows of
//! `key length u32 | key | value length u32 | value`; then a chunk of length 0 whose checksum field is that of the
//! number of rows, which follows as `u64`. All little-endian. A stream that ends early is told by its missing end.

use std::io::{Read, Write};
use std::ops::Bound;

use crate::{Fault, Pin, Row, State};

const MAGIC: &[u8; 8] = b"aubrows1";
/// A chunk is closed when it has grown to this.
const CHUNK_BYTES: usize = 256 << 10;
/// A single row can make a chunk larger; nothing sound is larger than this.
const CHUNK_BYTES_MAX: usize = 256 << 20;
const SCAN_ROWS: usize = 512;
/// Of a pin: while these are read nothing is committed.
const PINNED_ROWS: usize = 128;

/// Writes the rows from `from` on to `to`, in key order, and says how many there were. The caller sees to it that
/// nothing is committed meanwhile.
///
/// # Errors
/// When the state cannot be read, or `to` not written.
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

/// Writes the rows of a pin of `state`'s to `to`, while commits go on, and says how many there were.
///
/// # Errors
/// When the state cannot be read or was replaced since, or `to` not written.
pub fn export_pinned(state: &dyn State, pin: &Pin, to: &mut dyn Write) -> Result<u64, Fault> {
    write(to, || state.pinned(pin, PINNED_ROWS))
}

fn write(
    to: &mut dyn Write,
    mut next: impl FnMut() -> Result<Option<Vec<Row>>, Fault>,
) -> Result<u64, Fault> {
    to.write_all(MAGIC).map_err(refused)?;
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
    to.write_all(&0u32.to_le_bytes()).map_err(refused)?;
    to.write_all(&crc32fast::hash(&count.to_le_bytes()).to_le_bytes()).map_err(refused)?;
    to.write_all(&count.to_le_bytes()).map_err(refused)?;
    to.flush().map_err(refused)?;
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
    to.write_all(&length.to_le_bytes()).map_err(refused)?;
    to.write_all(&crc32fast::hash(payload).to_le_bytes()).map_err(refused)?;
    to.write_all(payload).map_err(refused)
}

/// Cuts what is written to it into parts and hands each of them on.
#[derive(Debug)]
pub struct PartWriter<F> {
    part: Vec<u8>,
    bytes: usize,
    hand_on: F,
}

impl<F: FnMut(Vec<u8>) -> std::io::Result<()>> PartWriter<F> {
    /// PartWriter of so many bytes; the last may be shorter, none is empty. [`Write::flush`] hands on what there is.
    pub fn new(bytes: usize, hand_on: F) -> Self {
        Self { part: Vec::with_capacity(bytes), bytes, hand_on }
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
        (self.hand_on)(std::mem::replace(&mut self.part, Vec::with_capacity(self.bytes)))
    }
}

/// Reads what [`export`] wrote, row by row; the import is `state.replace(&mut RowReader::new(from))`. Ends after the first
/// error.
#[derive(Debug)]
pub struct RowReader<R> {
    from: R,
    payload: Vec<u8>,
    at: usize,
    count: u64,
    begun: bool,
    done: bool,
}

impl<R: Read> RowReader<R> {
    /// The rows in `from`.
    pub fn new(from: R) -> Self {
        Self { from, payload: Vec::new(), at: 0, count: 0, begun: false, done: false }
    }

    fn advance(&mut self) -> Result<Option<Row>, Fault> {
        if !self.begun {
            if self.bytes::<8>()? != *MAGIC {
                return Err(Fault::Corrupt("this is no stream of rows".to_owned()));
            }
            self.begun = true;
        }
        if self.at == self.payload.len() && !self.fetch()? {
            return Ok(None);
        }
        let key = self.field()?;
        let value = self.field()?;
        self.count += 1;
        Ok(Some((key, value)))
    }

    /// The next chunk; false at the end of the stream.
    fn fetch(&mut self) -> Result<bool, Fault> {
        let length = u32::from_le_bytes(self.bytes()?) as usize;
        let sum = u32::from_le_bytes(self.bytes()?);
        if length == 0 {
            let count = self.bytes::<8>()?;
            if crc32fast::hash(&count) != sum || u64::from_le_bytes(count) != self.count {
                return Err(Fault::Corrupt("a stream of rows lacks some".to_owned()));
            }
            return Ok(false);
        }
        if length > CHUNK_BYTES_MAX {
            return Err(Fault::Corrupt("a chunk of rows has an impossible length".to_owned()));
        }
        self.payload.clear();
        self.at = 0;
        let read = (&mut self.from).take(length as u64).read_to_end(&mut self.payload).map_err(refused)?;
        if read < length || crc32fast::hash(&self.payload) != sum {
            return Err(Fault::Corrupt("a chunk of rows does not match its checksum".to_owned()));
        }
        Ok(true)
    }

    fn field(&mut self) -> Result<Vec<u8>, Fault> {
        let wrong = || Fault::Corrupt("a chunk of rows ends within one".to_owned());
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
            std::io::ErrorKind::UnexpectedEof => Fault::Corrupt("a stream of rows ends early".to_owned()),
            _ => refused(error),
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

fn refused(error: std::io::Error) -> Fault {
    Fault::Io(error.to_string())
}
