//! Heartbeats, of all replicas of a process at the same moments.
//!
//! openraft wakes each replica five times per heartbeat, each in a rhythm of its own: with many groups that is what an idle
//! node is busy with, and every heartbeat travels alone. Here one clock sends them together, and openraft's own is on
//! only while a leader is missed: elections are its matter.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};

use crate::staleness::LastContact;
use crate::state_machine::Applier;
use crate::types::Types;

/// What the moments are counted from.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// A leader that is not heard of for so many heartbeats is missed: openraft's clock decides from then on.
const MISSED_HEARTBEATS: u32 = 2;

/// Keeps the rhythm until the replica has stopped.
pub(crate) async fn run(raft: Raft<Types, Applier>, last_contact: Arc<LastContact>, heartbeat: Duration) {
    loop {
        tokio::time::sleep_until(next(Instant::now(), heartbeat).into()).await;
        let (leads, alone, led) = {
            let server = raft.server_metrics();
            let server = server.borrow_watched();
            let members = server.membership_config.nodes().count();
            (server.state == ServerState::Leader, members <= 1, server.current_leader.is_some())
        };
        let well = leads || (led && last_contact.within(heartbeat * MISSED_HEARTBEATS));
        raft.runtime_config().tick(!well);
        if leads && !alone && raft.trigger().heartbeat().await.is_err() {
            return;
        }
    }
}

/// The next moment after `now`.
fn next(now: Instant, period: Duration) -> Instant {
    let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    let gone = u64::try_from(now.saturating_duration_since(*BEGUN).as_millis()).unwrap_or(u64::MAX / 2);
    *BEGUN + Duration::from_millis((gone / period + 1).saturating_mul(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_between_two_moments_is_told_the_same() {
        let period = Duration::from_millis(200);
        let first = next(*BEGUN, period);
        assert_eq!(first, *BEGUN + period);
        assert_eq!(next(*BEGUN + Duration::from_millis(199), period), first);
        assert_eq!(next(first, period), first + period);
        assert_eq!(next(first + Duration::from_micros(200_300), period), first + 2 * period);
    }
}
