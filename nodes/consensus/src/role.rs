//! What a replica is at the moment.

use std::sync::Arc;

use openraft::async_runtime::WatchReceiver;
use openraft::{Raft, ServerState};
use tokio::sync::watch;

use crate::machine::Applier;
use crate::shared::{Halt, Shared};
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
pub(crate) async fn follow(raft: Raft<Types, Applier>, shared: Arc<Shared>, role: watch::Sender<Role>) {
    let mut server = raft.server_metrics();
    let mut applied_term = shared.applied_term.subscribe();
    let mut halted = shared.halted.subscribe();
    loop {
        let now = {
            let server = server.borrow_and_update();
            let term = server.vote.leader_id.term;
            let stopped = halted.borrow_and_update().as_ref().map(ToString::to_string);
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
            changed = halted.changed() => changed.is_err(),
        };
        if ended {
            shared.halt(halt_of(&raft));
        }
    }
}

/// Why openraft ended, in a replica that has given no reason itself.
pub(crate) fn halt_of(raft: &Raft<Types, Applier>) -> Halt {
    use openraft::errors::Fatal;
    match &raft.metrics().borrow_watched().running_state {
        Ok(()) | Err(Fatal::Stopped) => Halt::Failed("consensus ended".to_owned()),
        Err(Fatal::StorageError(error)) => Halt::Store(error.to_string()),
        Err(Fatal::Panicked) => Halt::Failed("consensus panicked".to_owned()),
    }
}
