//! The traits that a service implements.

use std::future::Future;

use protocol::{Contract, Message, Principal};

use crate::{EffectContext, Turn, View};

/// The commands of a service's contract.
pub type Command<S> = <<S as Service>::Contract as Contract>::Command;
/// The replies of a service's contract.
pub type Reply<S> = <<S as Service>::Contract as Contract>::Reply;
/// The refusals of a service's contract.
pub type Refusal<S> = <<S as Service>::Contract as Contract>::Refusal;
/// The queries of a service's contract.
pub type Query<S> = <<S as Service>::Contract as Contract>::Query;
/// The answers of a service's contract.
pub type Answer<S> = <<S as Service>::Contract as Contract>::Answer;

/// Whether the answer to a long poll is final.
pub type IsFinal<S> = fn(&Query<S>, &Answer<S>) -> bool;

/// A deterministic state machine. The kernel runs it as a supervised, replicated actor group.
///
/// `apply` and `fire` depend on the state, the turn and the message only: no I/O, no clock other than [`Turn::now`], no
/// randomness other than [`Turn::fresh_id`], no iteration in an unspecified order. Reads and writes panic when the store
/// fails or is damaged; the kernel catches the panic and stops this replica.
pub trait Service: Send + Sync + Sized + 'static {
    /// The messages that it accepts.
    type Contract: Contract;
    /// Work outside the group, which the leader performs at least once, in order for each key.
    type Effect: Message;
    /// The payload of a timer.
    type Timer: Message;
    /// A change that a turn reports to the replica's memory (an index, a cache) once the turn is committed.
    type Note: Send + 'static;

    /// Applies one command. Check everything before the first write: the writes of a refused turn are dropped.
    ///
    /// # Errors
    /// The refusal. It is stored under the command's idempotency key, like a reply.
    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command<Self>) -> Result<Reply<Self>, Refusal<Self>>;

    /// Handles a timer that is due. The timer may be obsolete: check the state first.
    fn fire(&self, turn: &mut Turn<'_, Self>, timer: Self::Timer);

    /// Answers a query from one consistent version of the state. Runs on a thread that may block; keep it bounded.
    ///
    /// # Errors
    /// The refusal.
    fn query(
        &self,
        view: &View<'_>,
        caller: &Principal,
        query: Query<Self>,
    ) -> Result<Answer<Self>, Refusal<Self>>;

    /// What answering `query` costs. It decides which thread runs it.
    fn cost(_query: &Query<Self>) -> Cost {
        Cost::Disk
    }

    /// Makes `query` a long poll. The replica answers it again after each applied batch, until the returned function says
    /// that the answer is final or the call's deadline is near; then the caller gets the last answer. A refusal is always
    /// final. `None`: the first answer is final.
    fn long_poll(_query: &Query<Self>) -> Option<IsFinal<Self>> {
        None
    }

    /// The replica was opened, or its state was replaced by a snapshot: rebuild what is kept in memory.
    fn opened(&self, _view: &View<'_>) {}

    /// Turns were committed; these are their notes, in order. No query runs meanwhile.
    fn committed(&self, _notes: Vec<Self::Note>) {}

    /// Checks the service's invariants; returns one line for each violation. Called by tests, by the simulation and by
    /// `auberge check`.
    fn violations(&self, _view: &View<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// The cost of a query, which decides where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Reads memory, within microseconds: runs in the caller's task.
    Memory,
    /// Reads the store: runs in place, on a thread that may block.
    Disk,
    /// Computes for milliseconds (a password hash, a document): runs on a thread of its own, with at most as many at the
    /// same time as the machine has cores.
    Heavy,
}

/// The result of one attempt at an effect.
#[derive(Debug)]
pub enum Outcome<C> {
    /// The effect is complete.
    Done,
    /// The effect is complete and its result is this command, applied in the turn that removes the effect. The caller of
    /// the command is the service itself.
    Report(C),
    /// The attempt failed; try again after an exponential backoff with jitter.
    Retry(String),
    /// The effect can never succeed. It is parked for an operator; later effects of the same key wait behind it.
    Poison(String),
}

/// Performs a service's effects, on the leader.
pub trait Effects<S: Service>: Send + Sync + 'static {
    /// Performs `effect`. An earlier leader may have performed it already: make it idempotent, with
    /// [`EffectContext::id`] as the idempotency key.
    fn perform(
        &self,
        context: &EffectContext,
        effect: S::Effect,
    ) -> impl Future<Output = Outcome<Command<S>>> + Send;
}

/// For services without effects.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEffects;

impl<S: Service> Effects<S> for NoEffects {
    async fn perform(&self, _context: &EffectContext, _effect: S::Effect) -> Outcome<Command<S>> {
        Outcome::Done
    }
}

/// The shards of a service on one node may share one implementation.
impl<S: Service, E: Effects<S>> Effects<S> for std::sync::Arc<E> {
    async fn perform(&self, context: &EffectContext, effect: S::Effect) -> Outcome<Command<S>> {
        E::perform(self, context, effect).await
    }
}
