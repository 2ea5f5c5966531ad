//! Progress of moves, with an estimate of the remaining time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::records::{MoveId, Progress};

/// The progress of all moves that are executed on this node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ProgressTracker {
    current: Arc<watch::Sender<Arc<BTreeMap<MoveId, Progress>>>>,
    first: Arc<Mutex<BTreeMap<MoveId, (Instant, Progress)>>>,
}

impl Default for ProgressTracker {
    fn default() -> Self {
        Self { current: Arc::new(watch::channel(Arc::default()).0), first: Arc::default() }
    }
}

impl ProgressTracker {
    pub fn watch(&self) -> watch::Receiver<Arc<BTreeMap<MoveId, Progress>>> {
        self.current.subscribe()
    }

    /// The current progress of all moves.
    pub fn all(&self) -> Arc<BTreeMap<MoveId, Progress>> {
        Arc::clone(&self.current.borrow())
    }

    /// Updates the progress of a move, with an estimate of the remaining time from its rate so far.
    pub fn update(&self, id: MoveId, progress: Progress) {
        let mut starts = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, first) = *starts.entry(id).or_insert_with(|| (Instant::now(), progress));
        drop(starts);
        let secs_left = secs_left(since.elapsed().as_secs_f64(), &first, &progress);
        let progress = Progress { secs_left, ..progress };
        self.current.send_if_modified(|current| {
            if current.get(&id) == Some(&progress) {
                return false;
            }
            Arc::make_mut(current).insert(id, progress);
            true
        });
    }

    /// Forgets a move that has ended here.
    pub fn forget(&self, id: MoveId) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.current.send_if_modified(|current| Arc::make_mut(current).remove(&id).is_some());
    }

    /// Forgets all moves.
    pub fn clear(&self) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.current.send_replace(Arc::default());
    }
}

/// Estimates by bytes while bytes remain, then by log entries.
fn secs_left(elapsed_secs: f64, first: &Progress, now: &Progress) -> Option<u32> {
    let bytes_left = now.bytes_total.saturating_sub(now.bytes_done);
    let (done, left) = if bytes_left > 0 {
        (now.bytes_done.saturating_sub(first.bytes_done), bytes_left)
    } else {
        (first.lag.saturating_sub(now.lag), now.lag)
    };
    if left == 0 {
        return Some(0);
    }
    if done == 0 || elapsed_secs < 0.2 {
        return None;
    }
    let secs = (left as f64 / (done as f64 / elapsed_secs)).ceil();
    (secs < 1e6).then_some(secs as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_time_is_estimated_from_the_rate_so_far() {
        let at = |bytes_done, lag| Progress { bytes_done, bytes_total: 1000, lag, secs_left: None };
        let table = [
            (1.0, at(0, 900), at(500, 400), Some(1)),
            (1.0, at(0, 900), at(100, 400), Some(9)),
            (1.0, at(1000, 900), at(1000, 300), Some(1)),
            (1.0, at(1000, 900), at(1000, 0), Some(0)),
            (1.0, at(100, 900), at(100, 900), None),
            (0.1, at(0, 900), at(100, 900), None),
        ];
        for (secs, first, now, expected) in table {
            assert_eq!(secs_left(secs, &first, &now), expected, "{first:?} {now:?}");
        }
    }
}
