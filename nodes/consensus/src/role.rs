//! Role of a replica.

use std::sync::Arc;

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};
use tokio::sync::watch;

use crate::shared::{Shared, StopReason};
use crate::state_machine::Applier;
use crate::types::Types;

/// Role of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// The replica is the leader and has applied an entry of its own term. Everything that previous leaders
    /// acknowledged is then applied, so timers and the outbox may be processed. (Reads use
    /// [`crate::Replica::read_barrier`].)
    pub leader: bool,
    /// Current term.
    pub term: u64,
    /// Raft id of the leader, if known.
    pub leader_id: Option<u64>,
    /// Node of the leader.
    pub leader_node: Option<String>,
    /// Why the replica stopped, if it did. It does not restart by itself.
    pub stopped: Option<String>,
}

/// Updates `role` until the replica has stopped.
pub(crate) async fn track_role(raft: Raft<Types, Applier>, shared: Arc<Shared>, role: watch::Sender<Role>) {
    let mut server = raft.server_metrics();
    let mut applied_term = shared.applied_term.subscribe();
    let mut stop_reasons = shared.stopped.subscribe();
    loop {
        let now = {
            let server = server.borrow_and_update();
            let term = server.vote.leader_id.term;
            let stopped = stop_reasons.borrow_and_update().as_ref().map(ToString::to_string);
            let applied = *applied_term.borrow_and_update() == term;
            let leader = server.state == ServerState::Leader && server.vote.committed && applied;
            let leader_id = server.current_leader;
            let members = &server.membership_config;
            let leader_node =
                leader_id.and_then(|id| members.membership().get_node(&id)).map(|member| member.node.clone());
            Role { leader: leader && stopped.is_none(), term, leader_id, leader_node, stopped }
        };
        let stopped = now.stopped.is_some();
        role.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
        if stopped {
            return;
        }
        let ended = tokio::select! {
            changed = server.changed() => changed.is_err(),
            changed = applied_term.changed() => changed.is_err(),
            changed = stop_reasons.changed() => changed.is_err(),
        };
        if ended {
            shared.stop(stop_reason(&raft));
        }
    }
}

/// Why openraft ended, for a replica without a stop reason of its own.
pub(crate) fn stop_reason(raft: &Raft<Types, Applier>) -> StopReason {
    use openraft::errors::Fatal;
    match &raft.metrics().borrow_watched().running_state {
        Ok(()) | Err(Fatal::Stopped) => StopReason::Failed("openraft ended".to_owned()),
        Err(Fatal::StorageError(error)) => StopReason::Store(error.to_string()),
        Err(Fatal::Panicked) => StopReason::Failed("openraft panicked".to_owned()),
    }
}
