//! Reading a pinned state once, from its beginning to its end, in parts.

use store::PartWriter;
use tokio::sync::mpsc;

use crate::ops::Frozen;

const PART_BYTES: usize = 512 << 10;
/// PartWriter that are read ahead.
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
        let nobody = |_| std::io::Error::other("nobody reads any more");
        let mut out = PartWriter::new(PART_BYTES, |part| sender.blocking_send(Ok(part)).map_err(nobody));
        let ended = frozen.export(&mut out).map(|_| Vec::new()).map_err(|fault| fault.to_string());
        drop(out);
        // Nobody reads any more where this fails.
        let _ = sender.blocking_send(ended);
    });
    parts
}
