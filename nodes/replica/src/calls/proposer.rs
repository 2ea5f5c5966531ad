//! The actor that proposes entries to consensus, in the order in which they arrive. It takes all entries that are queued,
//! and submits them one after another without waiting for results; consensus writes them in one batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use consensus::{ApplyResult, ProposeError};
use group::{Unavailable, Why};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::mpsc;

use super::core::Core;

/// An encoded entry, and the function that gets its result. The function is dropped without a call when the replica
/// closes first.
pub(crate) struct Proposal {
    pub entry: Vec<u8>,
    pub done: Box<dyn FnOnce(Result<ApplyResult, ProposeError>) + Send>,
}

/// The queue of a proposer. Callers bound its length: see `Limits::calls_max`.
#[derive(Clone)]
pub(crate) struct Proposals {
    sender: mpsc::UnboundedSender<Proposal>,
    scheduled: Arc<AtomicBool>,
    proposer: ActorRef<Drain>,
}

impl Proposals {
    /// Queues a proposal.
    ///
    /// # Errors
    /// When the replica is closed; nothing was proposed.
    pub fn push(&self, proposal: Proposal) -> Result<(), Unavailable> {
        let closed = || Unavailable::new(Why::NoLeader);
        self.sender.send(proposal).map_err(|_| closed())?;
        // One message to the actor for all proposals that are queued before it runs.
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            self.proposer.cast(Drain).map_err(|_| closed())?;
        }
        Ok(())
    }

    /// Starts a proposer that `supervisor` supervises.
    ///
    /// # Errors
    /// When the actor cannot be started.
    pub async fn start(core: Arc<Core>, supervisor: ractor::ActorCell) -> Result<Self, ractor::SpawnErr> {
        let (sender, scheduled, state) = Self::parts(core);
        let (proposer, _) = Actor::spawn_linked(None, Proposer, state, supervisor).await?;
        Ok(Self { sender, scheduled, proposer })
    }

    #[cfg(test)]
    pub async fn start_unsupervised(core: Arc<Core>) -> Result<Self, ractor::SpawnErr> {
        let (sender, scheduled, state) = Self::parts(core);
        let (proposer, _) = Actor::spawn(None, Proposer, state).await?;
        Ok(Self { sender, scheduled, proposer })
    }

    fn parts(core: Arc<Core>) -> (mpsc::UnboundedSender<Proposal>, Arc<AtomicBool>, ProposerState) {
        let (sender, queue) = mpsc::unbounded_channel();
        let scheduled = Arc::new(AtomicBool::new(false));
        (sender, Arc::clone(&scheduled), ProposerState { core, queue, scheduled })
    }

    /// Stops the proposer; what is queued is dropped.
    pub fn stop(&self) {
        self.proposer.stop(None);
    }
}

/// Proposals are queued.
#[derive(Debug)]
pub(crate) struct Drain;

impl ractor::Message for Drain {}

struct Proposer;

struct ProposerState {
    core: Arc<Core>,
    queue: mpsc::UnboundedReceiver<Proposal>,
    scheduled: Arc<AtomicBool>,
}

impl Actor for Proposer {
    type Msg = Drain;
    type State = ProposerState;
    type Arguments = ProposerState;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        state: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        Drain: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        // Before the queue is emptied: what is queued from now on schedules another run.
        state.scheduled.store(false, Ordering::Release);
        let core = &state.core;
        // Shared by the batch: whoever locks the gate waits until all of it is applied.
        let gate = Arc::new(Arc::clone(&core.gate).read_owned().await);
        while let Ok(Proposal { entry, done }) = state.queue.try_recv() {
            let gate = Arc::clone(&gate);
            let done = move |result| {
                done(result);
                drop(gate);
            };
            // A replica that has stopped drops `done`, and its caller finds out why.
            if core.consensus.submit(entry, done).await.is_err() {
                tracing::debug!(group = %core.name, "a proposal to a stopped replica");
            }
        }
        Ok(())
    }
}
