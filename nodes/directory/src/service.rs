//! The state machine: dispatch.

use std::sync::Arc;

use group::{Service, Turn, View};
use protocol::Principal;
use tokio::sync::Notify;

use crate::contract::{Answer, Command, Query, Refusal, Reply};
use crate::state::{count, counter};
use crate::{apply, invariants, query};

/// Rings when something has changed here, so that the steward on this node need not wait for its next look. Cheap to
/// clone: give one to the [`Directory`] and the same to the [`crate::Steward`].
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes whoever waits, or the next who does.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Returns once it rings, or has rung since the last time.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}

/// The service.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    bell: Bell,
}

impl Directory {
    /// `bell` rings when a turn has changed something.
    pub fn new(bell: Bell) -> Self {
        Self { bell }
    }
}

impl Service for Directory {
    type Contract = crate::contract::Directory;
    type Effect = ();
    type Timer = ();
    /// Something has changed.
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        let reply = match command {
            Command::Found(foundation) => apply::found::found(turn, *foundation),
            Command::Configure(settings) => apply::configure::configure(turn, *settings),
            Command::Move { group, from, to, leader_only } => {
                apply::relocate::relocate(turn, &group, from.as_deref(), &to, leader_only)
            }
            Command::CancelMove { id } => apply::cancel_move::cancel_move(turn, id),
            Command::Drain { node } => apply::drain::drain(turn, &node),
            Command::Uncordon { node } => apply::uncordon::uncordon(turn, &node),
            Command::Decommission { node } => apply::decommission::decommission(turn, &node),
            Command::Rebalance => apply::rebalance::rebalance(turn),
            Command::Recovered { group, node, replica } => {
                apply::recovered::recovered(turn, &group, node, replica)
            }
            Command::NodeSeen(profile) => apply::node_seen::node_seen(turn, *profile),
            Command::NodeLost { node } => apply::node_lost::node_lost(turn, &node),
            Command::Placed { group, node, replica } => apply::placed::placed(turn, &group, node, replica),
            Command::ReplicaGone { group, node, replica } => {
                apply::replica_gone::replica_gone(turn, &group, &node, replica)
            }
            Command::ReplicaBack { group, node, replica } => {
                apply::replica_back::replica_back(turn, &group, &node, replica)
            }
            Command::Tend => apply::tend::tend(turn),
            Command::Advance { id, phase, step } => apply::advance::advance(turn, id, phase, step),
            Command::Report(reports) => apply::report::report(turn, &reports),
            Command::Measured(measured) => apply::measured::measured(turn, &measured),
            Command::Emptied { node } => apply::emptied::emptied(turn, &node),
        }?;
        count(turn, counter::REVISION);
        turn.note(());
        Ok(reply)
    }

    fn fire(&self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, _caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::answer(view, query)
    }

    fn opened(&self, _view: &View<'_>) {
        self.bell.ring();
    }

    fn committed(&self, _notes: Vec<()>) {
        self.bell.ring();
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::all(view)
    }
}
