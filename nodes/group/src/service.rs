//! What a service is: rules over typed trees, and nothing else.

use std::future::Future;

use protocol::{Contract, Message, Principal};

use crate::{EffectContext, Turn, View};

/// The messages of a service's contract, by short names.
pub type Command<S> = <<S as Service>::Contract as Contract>::Command;
/// See [`Command`].
pub type Reply<S> = <<S as Service>::Contract as Contract>::Reply;
/// See [`Command`].
pub type Refusal<S> = <<S as Service>::Contract as Contract>::Refusal;
/// See [`Command`].
pub type Query<S> = <<S as Service>::Contract as Contract>::Query;
/// See [`Command`].
pub type Answer<S> = <<S as Service>::Contract as Contract>::Answer;

/// A state machine. The kernel makes a supervised, replicated actor group of it.
///
/// `apply` and `fire` are functions of the state, the turn and the message alone: no I/O, no clock but
/// [`Turn::now`], no randomness but [`Turn::fresh_id`], no unordered iteration. Reads and writes panic when the
/// store is broken or damaged; the kernel catches that and stops this replica.
pub trait Service: Send + Sync + Sized + 'static {
    /// What it may be told and asked.
    type Contract: Contract;
    /// What its leader does outside, one at a time for each key, at least once.
    type Effect: Message;
    /// What it asks to be reminded of.
    type Timer: Message;
    /// What a turn tells the replica's own memory (an index, a cache) once the turn has landed.
    type Note: Send + 'static;

    /// Decides one command. Refuse first, write second: what a refused turn wrote is dropped.
    ///
    /// # Errors
    /// The domain's "no". It is kept under the command's idempotency key like any reply.
    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command<Self>) -> Result<Reply<Self>, Refusal<Self>>;

    /// A timer is due. It may be stale: look at the state before doing anything.
    fn fire(&self, turn: &mut Turn<'_, Self>, timer: Self::Timer);

    /// Answers from one consistent point. Runs on a thread that may block; keep it bounded.
    ///
    /// # Errors
    /// The domain's "no".
    fn query(
        &self,
        view: &View<'_>,
        caller: &Principal,
        query: Query<Self>,
    ) -> Result<Answer<Self>, Refusal<Self>>;

    /// What answering `query` costs, so that it runs where that does no harm.
    fn cost(_query: &Query<Self>) -> Cost {
        Cost::Disk
    }

    /// The replica was opened, or its state replaced by a snapshot: rebuild what is kept in memory.
    fn opened(&self, _view: &View<'_>) {}

    /// Turns have landed; these are their notes, in order.
    fn landed(&self, _notes: Vec<Self::Note>) {}

    /// What must always hold, checked by tests, by simulation, and by `auberge check`: one line for each violation.
    fn violations(&self, _view: &View<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// Where a query is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// From memory, within microseconds: in place.
    Memory,
    /// Reads the store: in place, with the runtime told that it may block.
    Disk,
    /// Computes for milliseconds (a password's hash, a document): on threads of their own, as many at a time as the
    /// machine has cores.
    Heavy,
}

/// What came of an attempt at an effect.
#[derive(Debug)]
pub enum Outcome<C> {
    /// Done; nothing was learnt.
    Done,
    /// Done; what was learnt comes back as a command, in the same turn that ticks the effect off. Its caller is the
    /// service itself.
    Report(C),
    /// Not now: again after a backoff that doubles, with jitter.
    Retry(String),
    /// Never: parked where an operator sees it; the later effects of the same key wait behind it.
    Poison(String),
}

/// The outside world, as a service's leader deals with it.
pub trait Effects<S: Service>: Send + Sync + 'static {
    /// Performs `effect`. It may have been performed before, by a leader that died: make it safe to repeat, with
    /// [`EffectContext::id`] as its name.
    fn perform(
        &self,
        context: &EffectContext,
        effect: S::Effect,
    ) -> impl Future<Output = Outcome<Command<S>>> + Send;
}

/// For services that do nothing outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEffects;

impl<S: Service> Effects<S> for NoEffects {
    async fn perform(&self, _context: &EffectContext, _effect: S::Effect) -> Outcome<Command<S>> {
        Outcome::Done
    }
}

/// Shards of one service on one node may share what they work with.
impl<S: Service, E: Effects<S>> Effects<S> for std::sync::Arc<E> {
    async fn perform(&self, context: &EffectContext, effect: S::Effect) -> Outcome<Command<S>> {
        E::perform(self, context, effect).await
    }
}
