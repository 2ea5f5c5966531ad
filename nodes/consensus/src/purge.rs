//! Cutting the log behind what the state has on disk, but not under the feet of those who are still to read it.
//!
//! A peer that needs entries which are cut is sent a snapshot. While that travels the group goes on: were the log cut
//! meanwhile, the peer would need the next snapshot as soon as it had this one, and so on for ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};

use crate::shared::Shared;
use crate::state_machine::Applier;
use crate::types::Types;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The log waits for peers that are no more entries behind than this: a snapshot would cost less.
const LAG_MAX: u64 = 100_000;
/// And no longer than this many for a peer that is sent a snapshot.
const OUTGOING_LAG_MAX: u64 = 2_000_000;
/// What a peer that has its snapshot needs until it has said so.
const SENT_FOR: Duration = Duration::from_secs(15);

/// Snapshots on their way to peers.
#[derive(Debug, Default)]
pub(crate) struct OutgoingSnapshots(Mutex<BTreeMap<u64, Sent>>);

#[derive(Debug)]
struct Sent {
    /// The last entry that is in it.
    index: u64,
    /// When it was there, or given up.
    over: Option<Instant>,
}

/// A snapshot is on its way as long as this is held.
pub(crate) struct OutgoingSnapshot {
    shared: Arc<Shared>,
    target: u64,
}

impl OutgoingSnapshots {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which entry each of these peers is about to have, as far as snapshots are concerned.
    fn indexes(&self) -> BTreeMap<u64, u64> {
        let mut all = self.all();
        all.retain(|_, sent| sent.over.is_none_or(|over| over.elapsed() < SENT_FOR));
        all.iter().map(|(target, sent)| (*target, sent.index)).collect()
    }
}

impl OutgoingSnapshot {
    /// A snapshot that ends with entry `index` begins to travel.
    pub(crate) fn begin(shared: &Arc<Shared>, target: u64, index: u64) -> Self {
        shared.outgoing.all().insert(target, Sent { index, over: None });
        Self { shared: Arc::clone(shared), target }
    }
}

impl Drop for OutgoingSnapshot {
    fn drop(&mut self) {
        if let Some(sent) = self.shared.outgoing.all().get_mut(&self.target) {
            sent.over = Some(Instant::now());
        }
    }
}

/// Cuts the log from time to time until the replica has stopped. `keep` entries stay in any case.
pub(crate) async fn purge_periodically(raft: Raft<Types, Applier>, shared: Arc<Shared>, keep: u64) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (snapshot, purged, matched) = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow_watched();
            let leads = metrics.state == ServerState::Leader;
            let matched = metrics.replication.iter().filter(|_| leads).flatten();
            let matched: BTreeMap<u64, u64> =
                matched.map(|(id, log_id)| (*id, log_id.map_or(0, |log_id| log_id.index))).collect();
            let index = |log_id: Option<crate::types::LogId>| log_id.map(|log_id| log_id.index);
            (index(metrics.snapshot), index(metrics.purged), matched)
        };
        let Some(upto) =
            snapshot.and_then(|snapshot| cut(snapshot, keep, &matched, &shared.outgoing.indexes()))
        else {
            continue;
        };
        if purged.is_none_or(|purged| purged < upto) && raft.trigger().purge_log(upto).await.is_err() {
            return;
        }
    }
}

/// The last entry that nobody needs, if there is one: of those that are in the state on disk up to `snapshot`.
fn cut(snapshot: u64, keep: u64, matched: &BTreeMap<u64, u64>, outgoing: &BTreeMap<u64, u64>) -> Option<u64> {
    let mut upto = snapshot.checked_sub(keep)?;
    for (target, matched) in matched {
        let (has, lag_max) = match outgoing.get(target) {
            Some(sent) => (*matched.max(sent), OUTGOING_LAG_MAX),
            None => (*matched, LAG_MAX),
        };
        if snapshot.saturating_sub(has) <= lag_max {
            upto = upto.min(has);
        }
    }
    (upto > 0).then_some(upto)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case<'a> = (u64, &'a [(u64, u64)], &'a [(u64, u64)], Option<u64>);

    #[test]
    fn nothing_is_cut_that_somebody_is_about_to_read() {
        let near = 1_000_000;
        // The snapshot, what the peers have, what they are being sent; and what is cut.
        let cases: [Case<'_>; 7] = [
            (near, &[], &[], Some(near - 100)),
            (50, &[], &[], None),
            (near, &[(1, near), (2, near - 30)], &[], Some(near - 100)),
            (near, &[(1, near), (2, near - 3000)], &[], Some(near - 3000)),
            (near, &[(1, near), (2, 17)], &[], Some(near - 100)),
            (near, &[(1, near), (2, 0)], &[(2, near - 900_000)], Some(near - 900_000)),
            (near, &[(1, near), (2, near - 10)], &[(2, near - 900_000)], Some(near - 100)),
        ];
        for (snapshot, matched, outgoing, expected) in cases {
            let (matched, outgoing) = (matched.iter().copied().collect(), outgoing.iter().copied().collect());
            assert_eq!(cut(snapshot, 100, &matched, &outgoing), expected, "{matched:?} {outgoing:?}");
        }
    }
}
