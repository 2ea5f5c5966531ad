//! The state machine: dispatch of commands and queries.

use std::sync::Arc;

use group::{Service, Turn, View};
use protocol::Principal;
use tokio::sync::Notify;

use crate::contract::{Answer, Command, Query, Refusal, Reply};
use crate::state::{count, counter};
use crate::{apply, invariants, query};

/// Notifies the reconciler on this node of changes, so that it need not wait for its next pass. Cheap to clone: give one
/// to the [`Directory`] and a clone to the [`crate::Reconciler`].
#[derive(Debug, Clone, Default)]
pub struct ChangeNotifier(Arc<Notify>);

impl ChangeNotifier {
    /// Wakes the waiting task, or the next one that waits.
    pub fn notify(&self) {
        self.0.notify_one();
    }

    /// Returns when it is notified, or was notified since the last call.
    pub async fn changed(&self) {
        self.0.notified().await;
    }
}

/// The directory service.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    changes: ChangeNotifier,
}

impl Directory {
    /// `changes` is notified after each turn that changed something.
    pub fn new(changes: ChangeNotifier) -> Self {
        Self { changes }
    }
}

impl Service for Directory {
    type Contract = crate::contract::Directory;
    type Effect = ();
    type Timer = ();
    /// The state has changed.
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        let reply = match command {
            Command::Init(init) => apply::init::init(turn, *init),
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
            Command::NodeUp(profile) => apply::node_up::node_up(turn, *profile),
            Command::NodeDown { node } => apply::node_down::node_down(turn, &node),
            Command::GroupBootstrapped { group, node, replica } => {
                apply::group_bootstrapped::group_bootstrapped(turn, &group, node, replica)
            }
            Command::ReplicaLost { group, node, replica } => {
                apply::replica_lost::replica_lost(turn, &group, &node, replica)
            }
            Command::ReplicaReturned { group, node, replica } => {
                apply::replica_returned::replica_returned(turn, &group, &node, replica)
            }
            Command::Repair => apply::repair::repair(turn),
            Command::Advance { id, phase, step } => apply::advance::advance(turn, id, phase, step),
            Command::Report(reports) => apply::report::report(turn, &reports),
            Command::Measured(measured) => apply::measured::measured(turn, &measured),
            Command::NodeDrained { node } => apply::node_drained::node_drained(turn, &node),
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
        self.changes.notify();
    }

    fn committed(&self, _notes: Vec<()>) {
        self.changes.notify();
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::all(view)
    }
}
