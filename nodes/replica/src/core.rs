//! One open replica: the engine on its state, and the consensus that feeds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use consensus::{Machine, ProposeError};
use contract::{Timestamp, codec};
use group::engine::{Engine, Entry, Halt, Stamp, Verdict};
use group::{Command, Refusal, Reply, Service, Unavailable, Why};
use store::{Fault, Row};

/// See the module. Shared by the actors of a replica.
pub(crate) struct Core<S: Service> {
    /// `reservations/0`.
    pub name: Arc<str>,
    pub engine: Arc<Engine<S>>,
    pub consensus: consensus::Replica,
    drawn: AtomicU64,
}

impl<S: Service> Core<S> {
    pub fn new(name: Arc<str>, engine: Arc<Engine<S>>, consensus: consensus::Replica) -> Self {
        Self { name, engine, consensus, drawn: AtomicU64::new(0) }
    }

    /// The time and random bits that go with an entry.
    pub fn stamp(&self) -> Stamp {
        Stamp { now: Timestamp::wall_clock(), entropy: rand::random() }
    }

    /// An id for a command without an idempotency key: by time first, so that neighbours in time are neighbours in the
    /// store.
    pub fn fresh_command_id(&self) -> u128 {
        let millis = Timestamp::wall_clock().millis() as u128;
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        (millis & 0xffff_ffff_ffff) << 80
            | u128::from(drawn & 0xffff) << 64
            | u128::from(rand::random::<u64>())
    }

    /// Has an entry committed and applied.
    pub async fn propose(
        &self,
        entry: &Entry<Command<S>>,
    ) -> Result<Verdict<Reply<S>, Refusal<S>>, Unavailable> {
        let bytes = self.consensus.propose(codec::encode(entry)).await.map_err(unavailable)?;
        codec::decode(&bytes).map_err(|unreadable| Unavailable::new(Why::Store(unreadable.to_string())))
    }
}

/// What a caller is told when nothing could be proposed.
pub(crate) fn unavailable(error: ProposeError) -> Unavailable {
    Unavailable::new(match error {
        ProposeError::NotLeader { .. } => Why::NoLeader,
        ProposeError::Unknown => Why::Deadline,
        ProposeError::Stopped(_) => Why::Quarantined,
        ProposeError::Store(why) => Why::Store(why),
    })
}

/// The engine as consensus sees it.
pub(crate) struct EngineMachine<S: Service>(pub Arc<Engine<S>>);

impl<S: Service> Machine for EngineMachine<S> {
    fn apply(&self, entries: Vec<consensus::Entry>, marks: Vec<Row>) -> Result<Vec<Vec<u8>>, Fault> {
        let entries: Vec<_> = entries.iter().map(|entry| (entry.index, entry.payload.as_slice())).collect();
        self.0.apply(&entries, marks).map_err(|halt| match halt {
            Halt::Store(fault) => fault,
            poison @ Halt::Poison { .. } => Fault::Corrupt(poison.to_string()),
        })
    }

    fn replaced(&self) {
        if let Err(halt) = self.0.reopen() {
            std::panic::panic_any(halt.to_string());
        }
    }
}
