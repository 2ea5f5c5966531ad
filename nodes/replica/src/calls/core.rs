//! An open replica: the engine on its state, and the consensus that orders its entries.

use std::sync::Arc;

use consensus::{ApplyResult, ProposeError, StateMachine};
use futures::future::BoxFuture;
use group::engine::{AnyEngine, Engine, Entry, Halt, KernelResult, LogEntry, Stamp};
use group::{Service, StateReader, Unavailable, View, Why};
use protocol::{Timestamp, codec};
use store::{Fault, Row};

/// The engine and the consensus of an open replica, shared by its actors.
pub(crate) struct Core {
    /// The group: `reservations/0`.
    pub name: Arc<str>,
    /// The name of the service.
    pub service: &'static str,
    pub engine: Arc<dyn AnyEngine>,
    pub consensus: consensus::Replica,
    pub gate: Arc<Gate>,
}

/// Held for reading by each proposal until it is applied; held for writing while nothing may be proposed.
pub(crate) type Gate = tokio::sync::RwLock<()>;

impl Core {
    pub fn new(
        name: Arc<str>,
        service: &'static str,
        engine: Arc<dyn AnyEngine>,
        consensus: consensus::Replica,
        gate: Arc<Gate>,
    ) -> Self {
        Self { name, service, engine, consensus, gate }
    }

    /// The time and randomness of a new entry.
    pub fn stamp(&self) -> Stamp {
        Stamp { now: Timestamp::wall_clock(), entropy: rand::random() }
    }

    /// Has an entry committed and applied.
    pub async fn propose(&self, entry: &Entry<()>) -> Result<KernelResult, Unavailable> {
        downcast(self.propose_encoded(codec::encode(entry)).await.map_err(unavailable)?)
    }

    /// Has an encoded entry committed and applied.
    pub async fn propose_encoded(&self, entry: Vec<u8>) -> Result<ApplyResult, ProposeError> {
        let _gate = self.gate.read().await;
        self.consensus.propose(entry).await
    }

    /// The engine with the types of its service.
    ///
    /// # Errors
    /// When it is an engine of another service, which is a bug.
    pub fn engine<S: Service>(&self) -> Result<&Engine<S>, Unavailable> {
        let other = || Unavailable::new(Why::Store(format!("{} is not a group of this service", self.name)));
        self.engine.of().ok_or_else(other)
    }

    /// The failure of a read, for its caller.
    pub fn read_failure(&self, halt: &Halt) -> Unavailable {
        if matches!(halt, Halt::Replacing) {
            // A snapshot is being installed: other replicas have the state.
            return Unavailable::new(Why::NoLeader);
        }
        tracing::error!(group = %self.name, %halt, "the state cannot be read");
        Unavailable::new(match halt {
            Halt::Store(fault) => Why::Store(fault.to_string()),
            Halt::Poison { .. } => Why::Quarantined,
            Halt::Replacing => Why::NoLeader,
        })
    }
}

impl StateReader for Core {
    fn barrier(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move { self.consensus.read_barrier().await.map_err(unavailable) })
    }

    fn read(&self, read: &mut dyn FnMut(&View<'_>)) -> Result<(), Unavailable> {
        let read = || self.engine.read(Timestamp::wall_clock(), read);
        tokio::task::block_in_place(read).map_err(|halt| self.read_failure(&halt))
    }
}

/// The result of an entry: of type [`group::engine::Applied`] for a command, else [`KernelResult`].
pub(crate) fn downcast<T: 'static>(result: ApplyResult) -> Result<T, Unavailable> {
    let wrong = |_| Unavailable::new(Why::Store("a result of the wrong type".to_owned()));
    result.downcast().map(|result| *result).map_err(wrong)
}

/// The failure of a proposal, for its caller.
pub(crate) fn unavailable(error: ProposeError) -> Unavailable {
    Unavailable::new(match error {
        ProposeError::NotLeader { leader: Some((_, leader)) } if !leader.node.is_empty() => {
            Why::Elsewhere(leader.node)
        }
        ProposeError::NotLeader { .. } => Why::NoLeader,
        ProposeError::Unknown => Why::Unknown,
        ProposeError::Stopped(_) => Why::Quarantined,
        ProposeError::Store(why) => Why::Store(why),
    })
}

/// The engine as the state machine of consensus.
pub(crate) struct EngineStateMachine(pub Arc<dyn AnyEngine>);

impl StateMachine for EngineStateMachine {
    fn apply(
        &self,
        entries: Vec<consensus::Entry>,
        metadata: Vec<Row>,
    ) -> Result<Vec<Option<ApplyResult>>, Fault> {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| LogEntry { index: entry.index, payload: &entry.payload, awaited: entry.awaited })
            .collect();
        self.0.apply(&entries, metadata).map_err(fault)
    }

    fn replace(&self, replace: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Fault> {
        self.0.replace(replace).map_err(fault)
    }

    fn replaced(&self) {
        if let Err(halt) = self.0.reopen() {
            std::panic::panic_any(halt.to_string());
        }
    }
}

fn fault(halt: Halt) -> Fault {
    match halt {
        Halt::Store(fault) => fault,
        poison @ Halt::Poison { .. } => Fault::Corrupt(poison.to_string()),
        replacing @ Halt::Replacing => Fault::Io(replacing.to_string()),
    }
}
