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
            Command::InitCluster(request) => apply::init::init(turn, request).map(Reply::from),
            Command::ConfigureCluster(request) => apply::configure::configure(turn, request).map(Reply::from),
            Command::CreateMove(request) => apply::relocate::relocate(turn, &request).map(Reply::from),
            Command::CancelMove(request) => apply::cancel_move::cancel_move(turn, request).map(Reply::from),
            Command::DrainNode(request) => apply::drain::drain(turn, &request).map(Reply::from),
            Command::UncordonNode(request) => apply::uncordon::uncordon(turn, &request).map(Reply::from),
            Command::DecommissionNode(request) => {
                apply::decommission::decommission(turn, &request).map(Reply::from)
            }
            Command::RebalanceCluster(request) => apply::rebalance::rebalance(turn, request).map(Reply::from),
            Command::RecordRecovery(request) => apply::recovered::recovered(turn, request).map(Reply::from),
            Command::RecordNodeUp(request) => apply::node_up::node_up(turn, request).map(Reply::from),
            Command::RecordNodeDown(request) => apply::node_down::node_down(turn, &request).map(Reply::from),
            Command::RecordGroupBootstrapped(request) => {
                apply::group_bootstrapped::group_bootstrapped(turn, request).map(Reply::from)
            }
            Command::RecordReplicaLost(request) => {
                apply::replica_lost::replica_lost(turn, &request).map(Reply::from)
            }
            Command::RecordReplicaReturned(request) => {
                apply::replica_returned::replica_returned(turn, &request).map(Reply::from)
            }
            Command::Repair(request) => apply::repair::repair(turn, request).map(Reply::from),
            Command::AdvanceMove(request) => apply::advance::advance(turn, request).map(Reply::from),
            Command::RecordProgress(request) => apply::report::report(turn, &request).map(Reply::from),
            Command::RecordMeasurements(request) => {
                apply::measured::measured(turn, &request).map(Reply::from)
            }
            Command::RecordNodeDrained(request) => {
                apply::node_drained::node_drained(turn, &request).map(Reply::from)
            }
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
