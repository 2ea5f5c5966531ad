//! What a replica is at the moment.

use std::sync::Arc;

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};
use tokio::sync::watch;

use crate::shared::{Shared, StopReason};
use crate::state_machine::Applier;
use crate::types::Types;

/// What a replica is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// It leads, and has applied an entry of its own term: all that any leader acknowledged before is applied here, so
    /// timers and outboxes may be worked off. (To serve a read, ask [`crate::Replica::read_barrier`].)
    pub leader: bool,
    /// The term that it is in.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader_id: Option<u64>,
    /// The node that that one lives on.
    pub leader_node: Option<String>,
    /// Why it stopped, if it did. It does not start again by itself.
    pub stopped: Option<String>,
}

/// Keeps `role` true until the replica has stopped.
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

/// Why openraft ended, in a replica that has given no reason itself.
pub(crate) fn stop_reason(raft: &Raft<Types, Applier>) -> StopReason {
    use openraft::errors::Fatal;
    match &raft.metrics().borrow_watched().running_state {
        Ok(()) | Err(Fatal::Stopped) => StopReason::Failed("consensus ended".to_owned()),
        Err(Fatal::StorageError(error)) => StopReason::Store(error.to_string()),
        Err(Fatal::Panicked) => StopReason::Failed("consensus panicked".to_owned()),
    }
}
