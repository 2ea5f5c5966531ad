//! One service at the command boundary.

use std::sync::{Arc, Mutex};

use protocol::{Contract, Principal, ReplyMessage, RequestMessage, Timestamp, Variant, codec};
use store::{Memory, State};

use crate::engine::{Applied, Committed, Engine, Entry, EntryResult, LogEntry, Stamp};
use crate::service::{Answer, Command, Query, Refusal, Reply, Service};
use crate::turn::Outgoing;

/// A service on a state in memory: commands in; replies, events and effects out.
pub struct Bench<S: Service> {
    engine: Engine<S>,
    memory: Arc<Memory>,
    clock: Mutex<Clock>,
}

struct Clock {
    now: Timestamp,
    entries: u64,
}

/// Where the clock starts: 2026-11-23T12:00:00Z.
const NOON: Timestamp = Timestamp(1_795_435_200_000);

impl<S: Service> Bench<S> {
    /// A service on an empty state.
    ///
    /// # Panics
    /// When the service cannot be opened.
    pub fn new(service: S) -> Self {
        Self::on(service, Arc::new(Memory::new()))
    }

    /// A service on an existing state, as after a restart.
    ///
    /// # Panics
    /// When the service cannot be opened.
    pub fn on(service: S, memory: Arc<Memory>) -> Self {
        let engine = Engine::open(service, Arc::<Memory>::clone(&memory), Box::new(|_: Committed| {}));
        let engine = engine.unwrap_or_else(|halt| panic!("{halt}"));
        Self { engine, memory, clock: Mutex::new(Clock { now: NOON, entries: 0 }) }
    }

    /// The service itself.
    pub fn service(&self) -> &S {
        self.engine.service()
    }

    /// The state, which another bench can open.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.memory)
    }

    /// The bench's clock, which only [`Bench::advance_secs`] and [`Bench::set_now`] change.
    ///
    /// # Panics
    /// Never.
    pub fn now(&self) -> Timestamp {
        self.clock.lock().expect("one thread").now
    }

    /// Sets the clock, forwards or backwards, without firing timers.
    ///
    /// # Panics
    /// Never.
    pub fn set_now(&self, now: Timestamp) {
        self.clock.lock().expect("one thread").now = now;
    }

    /// Applies a command of a verified caller. Checks the contract's access rule.
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
            EntryResult::Reply(reply) => Ok(reply),
            EntryResult::Refused(refusal) => Err(refusal),
            result => panic!("{result:?}"),
        }
    }

    /// Answers a query.
    ///
    /// # Errors
    /// The service's refusal.
    ///
    /// # Panics
    /// When the contract does not let `caller` send it.
    pub fn query(&self, caller: &Principal, query: Query<S>) -> Result<Answer<S>, Refusal<S>> {
        let access = <S::Contract as Contract>::query_access(&query);
        assert!(access.allows(caller), "{caller:?} may not send {query:?}: {access:?}");
        self.engine.query(caller, self.now(), query).unwrap_or_else(|halt| panic!("{halt}"))
    }

    /// Executes a typed request of a verified caller. Checks the contract's access rule.
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

    /// Removes the commands to the service of `C` from the outbox and returns them.
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

    /// Removes the effects from the outbox and returns them.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn effects(&self) -> Vec<S::Effect> {
        self.drain(|outgoing| match outgoing {
            Outgoing::Effect { effect, .. } => Some(codec::decode(effect).expect("an effect")),
            Outgoing::Event { .. } => None,
        })
    }

    /// Advances the clock and fires the timers that are due.
    ///
    /// # Panics
    /// When a timer panics.
    pub fn advance_secs(&self, secs: i64) {
        let now = self.now().plus_secs(secs);
        self.set_now(now);
        while matches!(self.apply(&Entry::Fire { stamp: self.stamp() }), EntryResult::More(true)) {}
    }

    /// The violated invariants, one line each.
    ///
    /// # Panics
    /// When the check panics.
    pub fn violations(&self) -> Vec<String> {
        self.engine.violations().unwrap_or_else(|halt| panic!("{halt}"))
    }

    /// All rows of the state, for tests that nothing changed.
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

    fn apply(&self, entry: &Entry<Command<S>>) -> Applied<S> {
        let index = {
            let mut clock = self.clock.lock().expect("one thread");
            clock.entries += 1;
            clock.entries
        };
        let entry = LogEntry { index, payload: &codec::encode(entry), awaited: true };
        let results = self.engine.apply(&[entry], Vec::new()).unwrap_or_else(|halt| panic!("{halt}"));
        results.into_iter().next().flatten().expect("an awaited entry has a result")
    }
}
