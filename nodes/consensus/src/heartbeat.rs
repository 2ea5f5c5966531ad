//! Heartbeats, sent by all replicas of a process at the same time.
//!
//! openraft would wake each replica five times per heartbeat interval, each at its own time. With many groups this
//! dominates the load of an idle node, and heartbeats cannot be batched. Here a common schedule sends them together.
//! openraft's own ticks are enabled only while the leader is missing, because they drive elections.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};

use crate::last_contact::LastContact;
use crate::state_machine::Applier;
use crate::types::Types;

/// Reference point of the schedule.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);
/// After this many heartbeat intervals without contact the leader counts as missing, and openraft's ticks are
/// enabled.
const MISSED_HEARTBEATS: u32 = 2;

/// Sends heartbeats until the replica has stopped.
pub(crate) async fn run(raft: Raft<Types, Applier>, last_contact: Arc<LastContact>, heartbeat: Duration) {
    loop {
        tokio::time::sleep_until(next(Instant::now(), heartbeat).into()).await;
        let (is_leader, is_single, has_leader) = {
            let server = raft.server_metrics();
            let server = server.borrow_watched();
            let members = server.membership_config.nodes().count();
            (server.state == ServerState::Leader, members <= 1, server.current_leader.is_some())
        };
        let healthy = is_leader || (has_leader && last_contact.within(heartbeat * MISSED_HEARTBEATS));
        raft.runtime_config().tick(!healthy);
        if is_leader && !is_single && raft.trigger().heartbeat().await.is_err() {
            return;
        }
    }
}

/// The next scheduled heartbeat after `now`.
fn next(now: Instant, period: Duration) -> Instant {
    let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    let elapsed = u64::try_from(now.saturating_duration_since(*START).as_millis()).unwrap_or(u64::MAX / 2);
    *START + Duration::from_millis((elapsed / period + 1).saturating_mul(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_replicas_have_the_same_schedule() {
        let period = Duration::from_millis(200);
        let first = next(*START, period);
        assert_eq!(first, *START + period);
        assert_eq!(next(*START + Duration::from_millis(199), period), first);
        assert_eq!(next(first, period), first + period);
        assert_eq!(next(first + Duration::from_micros(200_300), period), first + 2 * period);
    }
}
