//! How old a replica's state may be at most, without asking anybody.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver;

use crate::replica::Replica;

/// What instants are counted from.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When something was heard last: milliseconds since [`BEGUN`], and one; 0 for never.
#[derive(Debug, Default)]
pub(crate) struct LastContact(AtomicU64);

impl LastContact {
    /// Now.
    pub fn note(&self) {
        self.0.store(now_ms() + 1, Ordering::Relaxed);
    }

    /// Whether that was no longer ago than this.
    pub fn within(&self, silence_max: Duration) -> bool {
        let at = self.0.load(Ordering::Relaxed);
        at > 0 && u128::from((now_ms() + 1).saturating_sub(at)) <= silence_max.as_millis()
    }
}

fn now_ms() -> u64 {
    u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
}

impl Replica {
    /// Whether the state here may be read as nearly that of the group: this replica has heard of its leader within
    /// `silence_max` (a leader: of a majority), and has applied all but `lag_max` of the entries that it knows to be
    /// committed. Asks nobody, and proves nothing about what was acknowledged a moment ago: that is
    /// [`Replica::read_barrier`]'s.
    pub fn is_fresh(&self, silence_max: Duration, lag_max: u64) -> bool {
        let inner = &self.inner;
        let (leader, led) = {
            let role = inner.role.borrow();
            (role.leader, role.leader_id.is_some())
        };
        if leader && self.is_sole_voter() {
            return true;
        }
        if inner.shared.stop_reason().is_some() || !led {
            return false;
        }
        let data = inner.raft.data_metrics();
        let data = data.borrow_watched();
        let in_contact = if leader {
            data.last_quorum_acked.as_ref().is_some_and(|acked| acked.elapsed() <= silence_max)
        } else {
            inner.rpc.last_contact.within(silence_max)
        };
        let applied = inner.shared.applied_next.load(Ordering::Acquire);
        let committed = data.cluster_committed.as_ref().map_or(0, |committed| committed.index + 1);
        in_contact && committed.saturating_sub(applied) <= lag_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_grows_from_what_was_heard_last() {
        let last_contact = LastContact::default();
        assert!(!last_contact.within(Duration::MAX), "never");
        last_contact.note();
        assert!(last_contact.within(Duration::from_secs(60)));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!last_contact.within(Duration::from_millis(5)));
    }
}
