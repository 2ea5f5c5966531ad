//! How moves come along, and how long they will take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::records::{MoveId, Progress};

/// The progress of all moves that are performed here. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tracks {
    shown: Arc<watch::Sender<Arc<BTreeMap<MoveId, Progress>>>>,
    begun: Arc<Mutex<BTreeMap<MoveId, (Instant, Progress)>>>,
}

impl Default for Tracks {
    fn default() -> Self {
        Self { shown: Arc::new(watch::channel(Arc::default()).0), begun: Arc::default() }
    }
}

impl Tracks {
    pub fn watch(&self) -> watch::Receiver<Arc<BTreeMap<MoveId, Progress>>> {
        self.shown.subscribe()
    }

    /// What is shown now.
    pub fn all(&self) -> Arc<BTreeMap<MoveId, Progress>> {
        Arc::clone(&self.shown.borrow())
    }

    /// Shows how a move is, with an estimate of what is left made from its pace so far.
    pub fn show(&self, id: MoveId, progress: Progress) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, first) = *begun.entry(id).or_insert_with(|| (Instant::now(), progress));
        drop(begun);
        let secs_left = secs_left(since.elapsed().as_secs_f64(), &first, &progress);
        let progress = Progress { secs_left, ..progress };
        self.shown.send_if_modified(|shown| {
            if shown.get(&id) == Some(&progress) {
                return false;
            }
            Arc::make_mut(shown).insert(id, progress);
            true
        });
    }

    /// A move is not performed here any more.
    pub fn forget(&self, id: MoveId) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.shown.send_if_modified(|shown| Arc::make_mut(shown).remove(&id).is_some());
    }

    /// None is.
    pub fn clear(&self) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shown.send_replace(Arc::default());
    }
}

/// Bytes tell where there are any to come; else the log does.
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
    fn what_is_left_follows_from_the_pace_so_far() {
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
