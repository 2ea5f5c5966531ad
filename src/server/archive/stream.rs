//! The encrypted stream of an archive.
//!
//! `auberge backup 1\n`, nonce, then chunks of `length u32 | sealed bytes`; the last has the tag `Finish`. The
//! plain text `end\n` follows it, so that a truncated download is detected without the key.

use std::io::{self, Read, Write};

use anyhow::{Context, bail};
use orion::aead::SecretKey;
use orion::aead::streaming::{ABYTES, Nonce, StreamOpener, StreamSealer, StreamTag};
use token::ClusterKey;

const MAGIC: &[u8] = b"auberge backup 1\n";
const END: &[u8] = b"end\n";
const CHUNK_BYTES: usize = 256 << 10;

fn key_of(key: &ClusterKey) -> anyhow::Result<SecretKey> {
    SecretKey::try_from(key.derive_bytes("backup").as_slice()).context("the backup key")
}

/// Updates `tail` to the last bytes of a stream, given its next part.
pub fn keep_tail(tail: &mut Vec<u8>, part: &[u8]) {
    tail.extend_from_slice(&part[part.len().saturating_sub(END.len())..]);
    tail.drain(..tail.len().saturating_sub(END.len()));
}

/// Whether `tail` is the end of a complete archive.
pub fn is_complete(tail: &[u8]) -> bool {
    tail == END
}

/// Encrypts what is written to it.
pub(crate) struct Sealer<'a> {
    to: &'a mut dyn Write,
    sealer: StreamSealer,
    chunk: Vec<u8>,
}

impl<'a> Sealer<'a> {
    pub fn begin(key: &ClusterKey, to: &'a mut dyn Write) -> anyhow::Result<Self> {
        let (sealer, nonce) = StreamSealer::new(&key_of(key)?).context("a nonce")?;
        to.write_all(MAGIC)?;
        to.write_all(nonce.as_ref())?;
        Ok(Self { to, sealer, chunk: Vec::with_capacity(CHUNK_BYTES) })
    }

    /// Ends the archive. An archive without this is incomplete.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.seal(&StreamTag::Finish)?;
        self.to.write_all(END)?;
        self.to.flush()?;
        Ok(())
    }

    fn seal(&mut self, tag: &StreamTag) -> io::Result<()> {
        let sealed = self
            .sealer
            .seal_chunk(&self.chunk, tag)
            .map_err(|_| io::Error::other("encrypting a chunk failed"))?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&sealed)?;
        self.chunk.clear();
        Ok(())
    }
}

impl Write for Sealer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK_BYTES {
            self.seal(&StreamTag::Message)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts an archive, chunk by chunk.
pub struct Opened<R> {
    from: R,
    opener: StreamOpener,
    chunk: Vec<u8>,
    at: usize,
    finished: bool,
}

/// Opens an archive.
///
/// # Errors
/// When it is not an archive. A key of another cluster is detected at the first read.
pub fn open<R: Read>(key: &ClusterKey, mut from: R) -> anyhow::Result<Opened<R>> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).context("this is not an archive of auberge")?;
    if magic != MAGIC {
        bail!("this is not an archive of auberge");
    }
    let mut nonce = [0; 24];
    from.read_exact(&mut nonce).context("the archive ends early")?;
    let nonce = Nonce::try_from(&nonce[..]).context("the archive's nonce")?;
    let opener = StreamOpener::new(&key_of(key)?, &nonce).context("the backup key")?;
    Ok(Opened { from, opener, chunk: Vec::new(), at: 0, finished: false })
}

impl<R: Read> Opened<R> {
    fn fetch(&mut self) -> io::Result<()> {
        let early = |_| io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends early");
        let mut length = [0; 4];
        self.from.read_exact(&mut length).map_err(early)?;
        let length = u32::from_le_bytes(length) as usize;
        if !(ABYTES..=CHUNK_BYTES + ABYTES).contains(&length) {
            return Err(io::Error::other("the archive is damaged"));
        }
        let mut sealed = vec![0; length];
        self.from.read_exact(&mut sealed).map_err(early)?;
        let opened = self.opener.open_chunk(&sealed);
        let (chunk, tag) = opened.map_err(|_| {
            io::Error::other("the archive is damaged, or was made with another cluster's key")
        })?;
        self.finished = tag == StreamTag::Finish;
        self.chunk = chunk;
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            if self.finished {
                return Ok(0);
            }
            self.fetch()?;
        }
        let taken = into.len().min(self.chunk.len() - self.at);
        into[..taken].copy_from_slice(&self.chunk[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &ClusterKey, text: &[u8]) -> Vec<u8> {
        let mut archive = Vec::new();
        let mut sealer = Sealer::begin(key, &mut archive).unwrap();
        sealer.write_all(text).unwrap();
        sealer.finish().unwrap();
        archive
    }

    fn read(key: &ClusterKey, archive: &[u8]) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        let mut opened = open(key, archive).map_err(|error| error.to_string())?;
        opened.read_to_end(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn an_archive_opens_only_if_it_is_complete_and_with_its_key() {
        let key = ClusterKey::random();
        let text: Vec<u8> = (0..700_000u32).map(|at| at as u8).collect();
        let archive = sealed(&key, &text);
        assert!(is_complete(&archive[archive.len() - 4..]));
        assert_eq!(read(&key, &archive).unwrap(), text);
        assert!(read(&ClusterKey::random(), &archive).unwrap_err().contains("another cluster's key"));
        for at in [0, 30, 50, 300_000, archive.len() - 20] {
            let mut damaged = archive.clone();
            damaged[at] ^= 1;
            assert!(read(&key, &damaged).is_err(), "byte {at}");
        }
        for length in [0, 10, 45, 300_000, archive.len() - 30] {
            assert!(read(&key, &archive[..length]).is_err(), "{length} bytes");
        }
    }
}
