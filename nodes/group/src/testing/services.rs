//! Several services that call each other, without Raft and without actors.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::BoxFuture;
use protocol::{Access, Contract, Principal, Timestamp, codec};
use store::Memory;

use crate::client::{
    Attempt, Call, Client, Credentials, EffectContext, EncodedCommand, Failure, GroupHandle, Inbox,
    Placement, StateReader, Unavailable, Why,
};
use crate::engine::{Applied, Committed, Engine, Entry, EntryResult, LogEntry, Stamp, poll, service_name};
use crate::service::{Answer, Command, Effects, Outcome, Query, Refusal, Reply, Service};
use crate::turn::Outgoing;
use crate::view::View;

/// Attempts at one effect within one [`TestServices::settle`], at most.
const ATTEMPTS_MAX: u32 = 20;
/// The pause before an effect is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// Where the clock starts: 2026-11-23T12:00:00Z.
const NOON: Timestamp = Timestamp(1_795_435_200_000);

/// A cluster in one thread: each service has one shard with one replica; no message is lost or delayed.
#[derive(Clone, Default)]
pub struct TestServices {
    inner: Arc<Inner>,
}

struct Inner {
    groups: Mutex<BTreeMap<String, TestGroup>>,
    clock: Mutex<Clock>,
}

struct Clock {
    now: Timestamp,
    entries: u64,
}

impl Default for Inner {
    fn default() -> Self {
        Self { groups: Mutex::default(), clock: Mutex::new(Clock { now: NOON, entries: 0 }) }
    }
}

/// A group under its two interfaces.
#[derive(Clone)]
struct TestGroup {
    /// An `Arc<dyn GroupHandle<C>>`.
    handle: Arc<dyn Any + Send + Sync>,
    processing: Arc<dyn Processing>,
}

/// What [`TestServices`] does with a group, whatever its service.
trait Processing: Send + Sync {
    fn outbox(&self) -> Vec<(u64, Outgoing)>;
    fn settle(&self, done: Vec<u64>, parked: Vec<(u64, String)>);
    fn deliver(&self, source: &str, row: u64, command: Vec<u8>) -> Option<String>;
    fn perform(&self, row: u64, effect: Vec<u8>) -> BoxFuture<'_, ()>;
    fn fire(&self);
    fn violations(&self) -> Vec<String>;
}

struct Group<S: Service, E> {
    engine: Arc<Engine<S>>,
    effects: E,
    services: TestServices,
}

impl TestServices {
    /// No services yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service with its effects.
    ///
    /// # Panics
    /// When the service cannot be opened.
    pub fn add<S: Service, E: Effects<S>>(&self, service: S, effects: E) {
        let engine = Engine::open(service, Arc::new(Memory::new()), Box::new(|_: Committed| {}));
        let engine = Arc::new(engine.unwrap_or_else(|halt| panic!("{halt}")));
        let group = Arc::new(Group { engine, effects, services: self.clone() });
        let handle: Arc<dyn GroupHandle<S::Contract>> = Arc::<Group<S, E>>::clone(&group);
        let group = TestGroup { handle: Arc::new(handle), processing: group };
        self.groups().insert(service_name::<S>().to_owned(), group);
    }

    /// A client for all these services.
    pub fn client(&self) -> Client {
        Client::new(Arc::new(self.clone()))
    }

    /// A token of `principal`, valid for these services only.
    pub fn token(&self, principal: &Principal) -> String {
        let digits = codec::encode(principal).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("services.{digits}")
    }

    /// The clock of all services. Only [`TestServices::advance_secs`] changes it.
    pub fn now(&self) -> Timestamp {
        self.clock().now
    }

    /// Advances the clock and fires the timers that are due, in every service.
    ///
    /// # Panics
    /// When a timer panics.
    pub fn advance_secs(&self, secs: i64) {
        {
            let mut clock = self.clock();
            clock.now = clock.now.plus_secs(secs);
        }
        for group in self.snapshot().values() {
            group.processing.fire();
        }
    }

    /// Delivers messages and performs effects until all outboxes are empty.
    ///
    /// # Panics
    /// When a message is refused, an effect fails for good, or an effect fails on twenty attempts.
    pub async fn settle(&self) {
        loop {
            let mut idle = true;
            for (name, group) in self.snapshot() {
                for (row, outgoing) in group.processing.outbox() {
                    idle = false;
                    match outgoing {
                        Outgoing::Event { service, command, .. } => {
                            let receiver = self.snapshot().remove(&service).unwrap_or_else(|| {
                                panic!("no service `{service}` among these test services")
                            });
                            if let Some(why) = receiver.processing.deliver(&name, row, command) {
                                panic!("{service} refused a message from {name}: {why}");
                            }
                            group.processing.settle(vec![row], Vec::new());
                        }
                        Outgoing::Effect { effect, .. } => group.processing.perform(row, effect).await,
                    }
                }
            }
            if idle {
                return;
            }
        }
    }

    /// The violated invariants of all services, one line each.
    ///
    /// # Panics
    /// When a check panics.
    pub fn violations(&self) -> Vec<String> {
        self.snapshot().values().flat_map(|group| group.processing.violations()).collect()
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<String, TestGroup>> {
        self.inner.groups.lock().expect("no panic while locked")
    }

    fn snapshot(&self) -> BTreeMap<String, TestGroup> {
        self.groups().clone()
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.inner.clock.lock().expect("no panic while locked")
    }

    fn stamp(&self) -> Stamp {
        let mut clock = self.clock();
        clock.entries += 1;
        Stamp { now: clock.now, entropy: codec::hash128(&[b"services", &clock.entries.to_be_bytes()]) }
    }
}

impl Placement for TestServices {
    fn shards(&self, service: &str) -> Option<u16> {
        self.groups().contains_key(service).then_some(1)
    }

    fn local(&self, service: &str, _shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        let handle = self.groups().get(service).map(|group| Arc::clone(&group.handle));
        handle.ok_or_else(|| Unavailable::new(Why::NoService(service.to_owned())))
    }

    /// There is none: [`TestServices::settle`] delivers.
    fn inbox(&self, service: &str, _shard: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        Err(Unavailable::new(Why::NoService(service.to_owned())))
    }
}

/// Tokens of services, without scopes. As `auth` does, it refuses tokens on behalf of a subject that is no actor.
impl Credentials for TestServices {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        on_behalf_of: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        let principal =
            Principal { on_behalf_of: on_behalf_of.map(str::to_owned), ..Principal::service(service) };
        Box::pin(async move {
            match on_behalf_of {
                Some(actor) if !protocol::is_actor(actor) => {
                    Err(Unavailable::new(Why::NoService("auth".to_owned())))
                }
                _ => Ok(self.token(&principal).into()),
            }
        })
    }
}

fn read_token(token: &str) -> Option<Principal> {
    let digits = token.strip_prefix("services.")?;
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    codec::decode(&bytes?).ok()
}

fn authenticate<R>(call: &Call, access: Access) -> Result<Principal, Failure<R>> {
    let principal = match call.token.as_deref() {
        None => Principal::anonymous(),
        Some(token) => read_token(token)
            .ok_or_else(|| Failure::Unauthenticated("not a token of these test services".into()))?,
    };
    crate::client::check_access(&principal, access)?;
    Ok(principal)
}

impl<S: Service, E> Group<S, E> {
    fn apply(&self, payload: &[u8]) -> Applied<S> {
        let entry = LogEntry { index: 0, payload, awaited: true };
        let results = self.engine.apply(&[entry], Vec::new()).unwrap_or_else(|halt| panic!("{halt}"));
        results.into_iter().next().flatten().expect("an awaited entry has a result")
    }

    fn apply_entry<C: serde::Serialize>(&self, entry: &Entry<C>) -> Applied<S> {
        self.apply(&codec::encode(entry))
    }
}

impl<S: Service, E: Effects<S>> GroupHandle<S::Contract> for Group<S, E> {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        _: Attempt,
        command: &'a EncodedCommand<S::Contract>,
    ) -> BoxFuture<'a, Result<Reply<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = authenticate(call, <S::Contract as Contract>::command_access(command.command()))?;
            let stamp = self.services.stamp();
            // From the entropy of these services, not of the attempt: a test has the same ids in each run.
            let id = call.key.map_or(stamp.entropy, |key| {
                codec::hash128(&[caller.effective_subject().as_bytes(), &key.to_be_bytes()])
            });
            match self.apply(&Entry::command(id, command.digest(), &caller, stamp, command.bytes())) {
                EntryResult::Reply(reply) => Ok(reply),
                EntryResult::Refused(refusal) => Err(Failure::Refused(refusal)),
                EntryResult::KeyReused => Err(Failure::KeyReused),
                EntryResult::Delivered(_) | EntryResult::More(_) | EntryResult::Done => {
                    unreachable!("not the result of a command")
                }
            }
        })
    }

    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: Query<S>,
    ) -> BoxFuture<'a, Result<Answer<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = authenticate(call, <S::Contract as Contract>::query_access(&query))?;
            let answer = |query| {
                let now = self.services.now();
                let answer = self.engine.query(&caller, now, query).unwrap_or_else(|halt| panic!("{halt}"));
                std::future::ready(answer.map_err(Failure::Refused))
            };
            poll(&self.engine, query, call.deadline, answer).await
        })
    }
}

/// The state of a group, for its effects.
struct OwnState<S: Service> {
    engine: Arc<Engine<S>>,
    services: TestServices,
}

impl<S: Service> StateReader for OwnState<S> {
    fn barrier(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn read(&self, read: &mut dyn FnMut(&View<'_>)) -> Result<(), Unavailable> {
        self.engine.read(self.services.now(), |view| read(view)).unwrap_or_else(|halt| panic!("{halt}"));
        Ok(())
    }
}

impl<S: Service, E: Effects<S>> Processing for Group<S, E> {
    fn outbox(&self) -> Vec<(u64, Outgoing)> {
        self.engine.outbox().unwrap_or_else(|halt| panic!("{halt}"))
    }

    fn settle(&self, done: Vec<u64>, parked: Vec<(u64, String)>) {
        self.apply_entry(&Entry::<()>::Settle { done, parked });
    }

    fn deliver(&self, source: &str, row: u64, command: Vec<u8>) -> Option<String> {
        let caller = Principal::service(source);
        let decoded = codec::decode::<Command<S>>(&command).expect("a command of the receiver's contract");
        let access = <S::Contract as Contract>::command_access(&decoded);
        assert!(access.allows(&caller), "{source} may not send {decoded:?}");
        let stamp = self.services.stamp();
        let entry = Entry::deliver(&format!("{source}/0"), 0, &[(row, command)], &caller, stamp);
        match self.apply(&entry) {
            EntryResult::Delivered(mut results) => results.pop().flatten(),
            result => panic!("{result:?}"),
        }
    }

    fn perform(&self, row: u64, effect: Vec<u8>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let service = service_name::<S>();
            for attempt in 0..ATTEMPTS_MAX {
                let context = EffectContext {
                    id: format!("services/{service}/0:{row}"),
                    attempt,
                    client: self.services.client(),
                    service,
                    credentials: Arc::new(self.services.clone()),
                    state: Arc::new(OwnState {
                        engine: Arc::clone(&self.engine),
                        services: self.services.clone(),
                    }),
                };
                let effect = codec::decode(&effect).expect("an effect");
                match self.effects.perform(&context, effect).await {
                    Outcome::Done => return self.settle(vec![row], Vec::new()),
                    Outcome::Report(command) => {
                        self.apply_entry(&Entry::Report { row, stamp: self.services.stamp(), command });
                        return;
                    }
                    Outcome::Retry(_) => tokio::time::sleep(RETRY_PAUSE).await,
                    Outcome::Poison(why) => panic!("an effect of {service} failed for good: {why}"),
                }
            }
            panic!("an effect of {service} failed {ATTEMPTS_MAX} times");
        })
    }

    fn fire(&self) {
        loop {
            let fire = Entry::<()>::Fire { stamp: self.services.stamp() };
            if !matches!(self.apply_entry(&fire), EntryResult::More(true)) {
                return;
            }
        }
    }

    fn violations(&self) -> Vec<String> {
        self.engine.violations().unwrap_or_else(|halt| panic!("{halt}"))
    }
}
