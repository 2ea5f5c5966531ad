//! Purging the log up to the flushed state, but not entries that peers still need.
//!
//! A peer that needs purged entries receives a snapshot. If the log were purged while the snapshot is transferred,
//! the peer would need another snapshot as soon as it had installed this one, and so on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};

use crate::shared::Shared;
use crate::state_machine::Applier;
use crate::types::Types;

const INTERVAL: Duration = Duration::from_secs(1);
/// Peers that lag further behind than this do not prevent purging: a snapshot is cheaper.
const LAG_MAX: u64 = 100_000;
/// The same limit for a peer that is receiving a snapshot.
const OUTGOING_LAG_MAX: u64 = 2_000_000;

/// Purges the log periodically until the replica has stopped. At least `keep` entries remain.
pub(crate) async fn purge_periodically(raft: Raft<Types, Applier>, shared: Arc<Shared>, keep: u64) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let (snapshot, purged, matched) = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow_watched();
            let is_leader = metrics.state == ServerState::Leader;
            let matched = metrics.replication.iter().filter(|_| is_leader).flatten();
            let matched: BTreeMap<u64, u64> =
                matched.map(|(id, log_id)| (*id, log_id.map_or(0, |log_id| log_id.index))).collect();
            let index = |log_id: Option<crate::types::LogId>| log_id.map(|log_id| log_id.index);
            (index(metrics.snapshot), index(metrics.purged), matched)
        };
        let Some(upto) =
            snapshot.and_then(|snapshot| purge_index(snapshot, keep, &matched, &shared.outgoing.indexes()))
        else {
            continue;
        };
        if purged.is_none_or(|purged| purged < upto) && raft.trigger().purge_log(upto).await.is_err() {
            return;
        }
    }
}

/// The last entry that may be purged, if any. `snapshot` is the last entry in the state on disk.
fn purge_index(
    snapshot: u64,
    keep: u64,
    matched: &BTreeMap<u64, u64>,
    outgoing: &BTreeMap<u64, u64>,
) -> Option<u64> {
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
    fn entries_that_a_peer_needs_are_not_purged() {
        let near = 1_000_000;
        // Snapshot index, matched indexes of peers, snapshots being sent, and the expected purge index.
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
            assert_eq!(purge_index(snapshot, 100, &matched, &outgoing), expected, "{matched:?} {outgoing:?}");
        }
    }
}
