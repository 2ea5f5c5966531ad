//! One open replica: the engine on its state, and the consensus that feeds it.

use std::sync::Arc;

use consensus::{ProposeError, StateMachine};
use group::engine::{Engine, Entry, Halt, Stamp, Verdict};
use group::{Command, Refusal, Reply, Service, Unavailable, Why};
use protocol::{Timestamp, codec};
use store::{Fault, Row};

/// See the module. Shared by the actors of a replica.
pub(crate) struct Core<S: Service> {
    /// `reservations/0`.
    pub name: Arc<str>,
    pub engine: Arc<Engine<S>>,
    pub consensus: consensus::Replica,
    gate: Arc<Gate>,
}

/// Held for writing while nothing is to be proposed.
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

    /// The time and random bits that go with an entry.
    pub fn stamp(&self) -> Stamp {
        Stamp { now: Timestamp::wall_clock(), entropy: rand::random() }
    }

    /// Has an entry committed and applied.
    pub async fn propose(
        &self,
        entry: &Entry<Command<S>>,
    ) -> Result<Verdict<Reply<S>, Refusal<S>>, Unavailable> {
        self.propose_encoded(codec::encode(entry)).await
    }

    /// As [`Core::propose`].
    pub async fn propose_encoded(
        &self,
        entry: Vec<u8>,
    ) -> Result<Verdict<Reply<S>, Refusal<S>>, Unavailable> {
        // Whoever closes the gate waits for what goes through it now.
        let _through = self.gate.read().await;
        let bytes = self.consensus.propose(entry).await.map_err(unavailable)?;
        codec::decode(&bytes).map_err(|unreadable| Unavailable::new(Why::Store(unreadable.to_string())))
    }
}

/// What a caller is told when nothing could be proposed.
pub(crate) fn unavailable(error: ProposeError) -> Unavailable {
    Unavailable::new(match error {
        ProposeError::NotLeader { leader: Some((_, member)) } if !member.node.is_empty() => {
            Why::Elsewhere(member.node)
        }
        ProposeError::NotLeader { .. } => Why::NoLeader,
        ProposeError::Unknown => Why::Unknown,
        ProposeError::Stopped(_) => Why::Quarantined,
        ProposeError::Store(why) => Why::Store(why),
    })
}

/// The engine as consensus sees it.
pub(crate) struct EngineMachine<S: Service>(pub Arc<Engine<S>>);

impl<S: Service> StateMachine for EngineMachine<S> {
    fn apply(&self, entries: Vec<consensus::Entry>, marks: Vec<Row>) -> Result<Vec<Vec<u8>>, Fault> {
        let entries: Vec<_> = entries.iter().map(|entry| (entry.index, entry.payload.as_slice())).collect();
        self.0.apply(&entries, marks).map_err(fault)
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
