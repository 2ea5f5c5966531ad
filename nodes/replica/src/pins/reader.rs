//! Reads a pinned state once, from its beginning to its end, in parts.

use store::PartWriter;
use tokio::sync::mpsc;

use crate::supervision::PinnedState;

const PART_BYTES: usize = 512 << 10;
/// Parts that are read ahead.
const READ_AHEAD: usize = 2;

/// Each part can be read once: a request for another offset than the next is refused.
pub(crate) struct PinReader(Stage);

enum Stage {
    Pinned(PinnedState),
    Reading { parts: mpsc::Receiver<Result<Vec<u8>, String>>, at: u64 },
    Finished,
}

impl PinReader {
    pub fn new(state: PinnedState) -> Self {
        Self(Stage::Pinned(state))
    }

    /// The bytes from `at` on; empty at the end. Releases the state at the end and after an error.
    pub async fn part(&mut self, at: u64) -> Result<Vec<u8>, String> {
        self.0 = match std::mem::replace(&mut self.0, Stage::Finished) {
            Stage::Pinned(state) => Stage::Reading { parts: read(state), at: 0 },
            other @ (Stage::Reading { .. } | Stage::Finished) => other,
        };
        let part = match &mut self.0 {
            Stage::Reading { parts, at: next } if *next == at => {
                let part = parts.recv().await.unwrap_or_else(|| Err("reading the state panicked".to_owned()));
                if let Ok(part) = &part {
                    *next += part.len() as u64;
                }
                part
            }
            Stage::Reading { .. } | Stage::Pinned(_) | Stage::Finished => {
                Err("the offset is not the next one".to_owned())
            }
        };
        if part.as_ref().map_or(true, Vec::is_empty) {
            self.0 = Stage::Finished;
        }
        part
    }
}

/// Reads on a thread of its own. An empty part follows the last one.
fn read(state: PinnedState) -> mpsc::Receiver<Result<Vec<u8>, String>> {
    let (sender, parts) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let dropped = |_| std::io::Error::other("the reader was dropped");
        let mut out = PartWriter::new(PART_BYTES, |part| sender.blocking_send(Ok(part)).map_err(dropped));
        let end = state.export(&mut out).map(|_| Vec::new()).map_err(|fault| fault.to_string());
        drop(out);
        // Fails only when the reader was dropped.
        let _ = sender.blocking_send(end);
    });
    parts
}
