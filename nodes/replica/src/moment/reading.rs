//! Reading a pinned state once, from its beginning to its end, in parts.

use std::io::Write;

use tokio::sync::mpsc;

use crate::ops::Frozen;

const PART_BYTES: usize = 512 << 10;
/// Parts that are read ahead.
const AHEAD: usize = 2;

/// How far it is read. Who asks for something else than what comes next is refused: a part whose answer was lost is gone.
pub(super) struct Reading(Stage);

enum Stage {
    Pinned(Frozen),
    Going { parts: mpsc::Receiver<Result<Vec<u8>, String>>, at: u64 },
    Over,
}

impl Reading {
    /// Nothing of it is read yet.
    pub fn of(frozen: Frozen) -> Self {
        Self(Stage::Pinned(frozen))
    }

    /// The bytes from `at` on; empty at the end, after which nothing is left to be read.
    pub async fn part(&mut self, at: u64) -> Result<Vec<u8>, String> {
        self.0 = match std::mem::replace(&mut self.0, Stage::Over) {
            Stage::Pinned(frozen) => Stage::Going { parts: read(frozen), at: 0 },
            other @ (Stage::Going { .. } | Stage::Over) => other,
        };
        let part = match &mut self.0 {
            Stage::Going { parts, at: there } if *there == at => {
                let part = parts.recv().await.unwrap_or_else(|| Err("reading it failed".to_owned()));
                if let Ok(part) = &part {
                    *there += part.len() as u64;
                }
                part
            }
            Stage::Going { .. } | Stage::Pinned(_) | Stage::Over => {
                Err("it was read further, or not so far".to_owned())
            }
        };
        if part.as_ref().map_or(true, Vec::is_empty) {
            self.0 = Stage::Over;
        }
        part
    }
}

/// On a thread of its own; an empty part comes after the last.
fn read(frozen: Frozen) -> mpsc::Receiver<Result<Vec<u8>, String>> {
    let (sender, parts) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut out = Parts { sender, part: Vec::with_capacity(PART_BYTES) };
        let ended = match frozen.export(&mut out) {
            Ok(_) => out.send().map(|()| Vec::new()).map_err(|error| error.to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        // Nobody reads any more where this fails.
        let _ = out.sender.blocking_send(ended);
    });
    parts
}

struct Parts {
    sender: mpsc::Sender<Result<Vec<u8>, String>>,
    part: Vec<u8>,
}

impl Parts {
    fn send(&mut self) -> std::io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART_BYTES));
        self.sender.blocking_send(Ok(part)).map_err(|_| std::io::Error::other("nobody reads any more"))
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(PART_BYTES - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
