//! One service at the command boundary.

use std::sync::{Arc, Mutex};

use protocol::{Contract, Principal, ReplyMessage, RequestMessage, Timestamp, Variant, codec};
use store::{Memory, State};

use crate::engine::{Engine, Entry, Landed, Stamp, Verdict};
use crate::service::{Answer, Command, Query, Refusal, Reply, Service};
use crate::turn::Outgoing;

/// A service on a state in memory. Commands in; replies, events and effects out.
pub struct Bench<S: Service> {
    engine: Engine<S>,
    memory: Arc<Memory>,
    clock: Mutex<Clock>,
}

struct Clock {
    now: Timestamp,
    entries: u64,
}

/// 2026-11-23T12:00:00Z, when nothing else is said.
const NOON: Timestamp = Timestamp(1_795_435_200_000);

impl<S: Service> Bench<S> {
    /// An empty state.
    ///
    /// # Panics
    /// When the service cannot be opened.
    pub fn new(service: S) -> Self {
        Self::on(service, Arc::new(Memory::new()))
    }

    /// A state that is there already: what a restart finds.
    ///
    /// # Panics
    /// When the service cannot be opened.
    pub fn on(service: S, memory: Arc<Memory>) -> Self {
        let engine = Engine::open(service, Arc::<Memory>::clone(&memory), Box::new(|_: Landed| {}));
        let engine = engine.unwrap_or_else(|halt| panic!("{halt}"));
        Self { engine, memory, clock: Mutex::new(Clock { now: NOON, entries: 0 }) }
    }

    /// The service itself.
    pub fn service(&self) -> &S {
        self.engine.service()
    }

    /// The state, to be opened again by another bench.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.memory)
    }

    /// The bench's clock. It stands still but for [`Bench::advance_secs`].
    ///
    /// # Panics
    /// Never.
    pub fn now(&self) -> Timestamp {
        self.clock.lock().expect("one thread").now
    }

    /// Sets the clock (forwards or backwards) without firing timers.
    ///
    /// # Panics
    /// Never.
    pub fn set_now(&self, now: Timestamp) {
        self.clock.lock().expect("one thread").now = now;
    }

    /// Applies a command as if a leader had verified `caller`. The contract's access rule holds here too.
    ///
    /// # Errors
    /// The service's refusal.
    ///
    /// # Panics
    /// When the contract does not let `caller` send it.
    pub fn command(&self, caller: &Principal, command: Command<S>) -> Result<Reply<S>, Refusal<S>> {
        self.command_under(None, caller, command)
    }

    /// As [`Bench::command`], under an idempotency key.
    ///
    /// # Errors
    /// The service's refusal.
    ///
    /// # Panics
    /// When the contract does not let `caller` send it, or the key was used with another command.
    pub fn command_under(
        &self,
        key: Option<u128>,
        caller: &Principal,
        command: Command<S>,
    ) -> Result<Reply<S>, Refusal<S>> {
        let access = <S::Contract as Contract>::command_access(&command);
        assert!(access.allows(caller), "{caller:?} may not send {command:?}: {access:?}");
        let stamp = self.stamp();
        let id = key.unwrap_or(stamp.entropy);
        let digest = codec::hash128(&[&codec::encode(&command)]) as u64;
        match self.apply(&Entry::Command { id, digest, caller: caller.clone(), stamp, command }) {
            Verdict::Reply(reply) => Ok(reply),
            Verdict::Refused(refusal) => Err(refusal),
            verdict => panic!("{verdict:?}"),
        }
    }

    /// Answers a query.
    ///
    /// # Errors
    /// The service's refusal.
    ///
    /// # Panics
    /// When the contract does not let `caller` ask it.
    pub fn query(&self, caller: &Principal, query: Query<S>) -> Result<Answer<S>, Refusal<S>> {
        let access = <S::Contract as Contract>::query_access(&query);
        assert!(access.allows(caller), "{caller:?} may not ask {query:?}: {access:?}");
        self.engine.query(caller, self.now(), query).unwrap_or_else(|halt| panic!("{halt}"))
    }

    /// Executes a typed request of the service as if a leader had verified `caller`. The contract's access rule holds here
    /// too.
    ///
    /// # Errors
    /// The service's refusal.
    ///
    /// # Panics
    /// When the contract does not allow `caller` to send it.
    pub fn call<M: Variant<Contract = S::Contract>>(
        &self,
        caller: &Principal,
        request: M,
    ) -> Result<M::Reply, Refusal<S>> {
        let message = match request.into_message() {
            RequestMessage::Command(command) => ReplyMessage::Reply(self.command(caller, command)?),
            RequestMessage::Query(query) => ReplyMessage::Answer(self.query(caller, query)?),
        };
        Ok(M::reply(message).expect("the reply of the request"))
    }

    /// Takes out of the outbox what was sent to the service of `C`.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn sent<C: Contract>(&self) -> Vec<C::Command> {
        self.drain(|outgoing| match outgoing {
            Outgoing::Event { service, command, .. } if service == C::SERVICE => {
                Some(codec::decode(command).expect("a command"))
            }
            Outgoing::Event { .. } | Outgoing::Effect { .. } => None,
        })
    }

    /// Takes the effects out of the outbox.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn effects(&self) -> Vec<S::Effect> {
        self.drain(|outgoing| match outgoing {
            Outgoing::Effect { effect, .. } => Some(codec::decode(effect).expect("an effect")),
            Outgoing::Event { .. } => None,
        })
    }

    /// Moves the clock and fires what falls due.
    ///
    /// # Panics
    /// When a timer panics.
    pub fn advance_secs(&self, secs: i64) {
        let now = self.now().plus_secs(secs);
        self.set_now(now);
        while matches!(self.apply(&Entry::Fire { stamp: self.stamp() }), Verdict::More(true)) {}
    }

    /// What the service says is broken.
    ///
    /// # Panics
    /// When it panics over it.
    pub fn violations(&self) -> Vec<String> {
        self.engine.violations().unwrap_or_else(|halt| panic!("{halt}"))
    }

    /// All rows of the state, for checks that nothing changed.
    ///
    /// # Panics
    /// Never.
    pub fn rows(&self) -> Vec<store::Row> {
        use std::ops::Bound::Unbounded;
        self.memory.scan(Unbounded, Unbounded, usize::MAX, false).expect("memory does not fail")
    }

    fn drain<T>(&self, read: impl Fn(&Outgoing) -> Option<T>) -> Vec<T> {
        let rows = self.engine.outbox().unwrap_or_else(|halt| panic!("{halt}"));
        let (done, taken): (Vec<_>, Vec<_>) =
            rows.iter().filter_map(|(row, outgoing)| read(outgoing).map(|taken| (*row, taken))).unzip();
        self.apply(&Entry::Settle { done, parked: Vec::new() });
        taken
    }

    fn stamp(&self) -> Stamp {
        let clock = self.clock.lock().expect("one thread");
        Stamp { now: clock.now, entropy: codec::hash128(&[b"bench", &clock.entries.to_be_bytes()]) }
    }

    fn apply(&self, entry: &Entry<Command<S>>) -> Verdict<Reply<S>, Refusal<S>> {
        let index = {
            let mut clock = self.clock.lock().expect("one thread");
            clock.entries += 1;
            clock.entries
        };
        let verdicts = self.engine.apply(&[(index, &codec::encode(entry))], Vec::new());
        let verdicts = verdicts.unwrap_or_else(|halt| panic!("{halt}"));
        codec::decode(&verdicts[0]).expect("a verdict")
    }
}
