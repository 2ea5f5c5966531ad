//! An open replica: the engine on its state, and the consensus that orders its entries.

use std::sync::Arc;

use consensus::{ApplyResult, ProposeError, StateMachine};
use futures::future::BoxFuture;
use group::engine::{Applied, Engine, Entry, Halt, LogEntry, Stamp};
use group::{Command, Service, StateReader, Unavailable, View, Why};
use protocol::{Timestamp, codec};
use store::{Fault, Row};

/// The engine and the consensus of an open replica, shared by its actors.
pub(crate) struct Core<S: Service> {
    /// The group: `reservations/0`.
    pub name: Arc<str>,
    pub engine: Arc<Engine<S>>,
    pub consensus: consensus::Replica,
    pub gate: Arc<Gate>,
}

/// Held for reading by each proposal until it is applied; held for writing while nothing may be proposed.
pub(crate) type Gate = tokio::sync::RwLock<()>;

impl<S: Service> Core<S> {
    pub fn new(
        name: Arc<str>,
        engine: Arc<Engine<S>>,
        consensus: consensus::Replica,
        gate: Arc<Gate>,
    ) -> Self {
        Self { name, engine, consensus, gate }
    }

    /// The time and randomness of a new entry.
    pub fn stamp(&self) -> Stamp {
        Stamp { now: Timestamp::wall_clock(), entropy: rand::random() }
    }

    /// Has an entry committed and applied.
    pub async fn propose(&self, entry: &Entry<Command<S>>) -> Result<Applied<S>, Unavailable> {
        let _gate = self.gate.read().await;
        applied::<S>(self.consensus.propose(codec::encode(entry)).await)
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

impl<S: Service> StateReader for Core<S> {
    fn barrier(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move { self.consensus.read_barrier().await.map_err(unavailable) })
    }

    fn read(&self, read: &mut dyn FnMut(&View<'_>)) -> Result<(), Unavailable> {
        let read = || self.engine.read(Timestamp::wall_clock(), |view| read(view));
        tokio::task::block_in_place(read).map_err(|halt| self.read_failure(&halt))
    }
}

/// The typed result of a proposal.
pub(crate) fn applied<S: Service>(
    result: Result<ApplyResult, ProposeError>,
) -> Result<Applied<S>, Unavailable> {
    let result = result.map_err(unavailable)?.downcast::<Applied<S>>();
    let wrong = |_| Unavailable::new(Why::Store("a result of the wrong type".to_owned()));
    result.map(|result| *result).map_err(wrong)
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
pub(crate) struct EngineStateMachine<S: Service>(pub Arc<Engine<S>>);

impl<S: Service> StateMachine for EngineStateMachine<S> {
    fn apply(
        &self,
        entries: Vec<consensus::Entry>,
        metadata: Vec<Row>,
    ) -> Result<Vec<Option<ApplyResult>>, Fault> {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| LogEntry { index: entry.index, payload: &entry.payload, awaited: entry.awaited })
            .collect();
        let results = self.0.apply(&entries, metadata).map_err(fault)?;
        Ok(results.into_iter().map(|result| result.map(|result| Box::new(result) as ApplyResult)).collect())
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
