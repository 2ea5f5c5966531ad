//! Snapshots that are being sent to peers: the log is not purged beyond them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time after a transfer during which entries are kept, until the peer has reported its progress.
const KEEP_AFTER_TRANSFER: Duration = Duration::from_secs(15);

/// Snapshots that are being sent to peers.
#[derive(Debug, Default)]
pub(crate) struct OutgoingSnapshots(Mutex<BTreeMap<u64, Transfer>>);

#[derive(Debug)]
struct Transfer {
    /// Index of the last entry in the snapshot.
    index: u64,
    /// When the transfer ended, successfully or not.
    ended: Option<Instant>,
}

/// Marks a snapshot as being sent until it is dropped.
pub(crate) struct OutgoingSnapshot {
    outgoing: Arc<OutgoingSnapshots>,
    target: u64,
}

impl OutgoingSnapshots {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Transfer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For each peer, the last entry that it will have once its snapshot is installed.
    pub(crate) fn indexes(&self) -> BTreeMap<u64, u64> {
        let mut transfers = self.lock();
        transfers
            .retain(|_, transfer| transfer.ended.is_none_or(|ended| ended.elapsed() < KEEP_AFTER_TRANSFER));
        transfers.iter().map(|(target, transfer)| (*target, transfer.index)).collect()
    }
}

impl OutgoingSnapshot {
    /// Marks the start of the transfer of a snapshot whose last entry is `index`.
    pub(crate) fn begin(outgoing: &Arc<OutgoingSnapshots>, target: u64, index: u64) -> Self {
        outgoing.lock().insert(target, Transfer { index, ended: None });
        Self { outgoing: Arc::clone(outgoing), target }
    }
}

impl Drop for OutgoingSnapshot {
    fn drop(&mut self) {
        if let Some(transfer) = self.outgoing.lock().get_mut(&self.target) {
            transfer.ended = Some(Instant::now());
        }
    }
}
