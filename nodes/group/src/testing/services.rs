//! Several services wired together, without raft and without actors.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use protocol::{Access, Contract, Principal, Timestamp, codec};
use store::Memory;

use crate::client::{
    Attempt, Call, Client, Credentials, EffectContext, Failure, Inlet, Placement, Port, Unavailable, Why,
};
use crate::engine::{Engine, Entry, Landed, Stamp, Verdict};
use crate::service::{Command, Effects, Outcome, Refusal, Reply, Service};
use crate::turn::Outgoing;

/// How often an effect may ask to be retried within one [`TestServices::settle`] before that gives up.
const ATTEMPTS_MAX: u32 = 20;

/// A small cluster in one thread: every service has one shard, nothing is lost, nothing waits.
#[derive(Clone, Default)]
pub struct TestServices {
    inner: Arc<Inner>,
}

struct Inner {
    rooms: Mutex<BTreeMap<String, Room>>,
    clock: Mutex<(Timestamp, u64)>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { rooms: Mutex::default(), clock: Mutex::new((Timestamp(1_795_435_200_000), 0)) }
    }
}

#[derive(Clone)]
struct Room {
    port: Arc<dyn Any + Send + Sync>,
    group: Arc<dyn Group>,
}

/// A group of any service, as the services's outbox works it off.
trait Group: Send + Sync {
    fn outbox(&self) -> Vec<(u64, Outgoing)>;
    fn settle(&self, done: Vec<u64>, parked: Vec<(u64, String)>);
    fn deliver(&self, source: &str, row: u64, command: Vec<u8>) -> Option<String>;
    fn perform(&self, row: u64, effect: Vec<u8>) -> BoxFuture<'_, ()>;
    fn fire(&self);
    fn violations(&self) -> Vec<String>;
}

struct Member<S: Service, E> {
    engine: Engine<S>,
    effects: E,
    services: TestServices,
}

impl TestServices {
    /// An empty services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service with what its leader does outside.
    ///
    /// # Panics
    /// When the service cannot be opened.
    pub fn add<S: Service, E: Effects<S>>(&self, service: S, effects: E) {
        let engine = Engine::open(service, Arc::new(Memory::new()), Box::new(|_: Landed| {}));
        let engine = engine.unwrap_or_else(|halt| panic!("{halt}"));
        let member = Arc::new(Member { engine, effects, services: self.clone() });
        let port: Arc<dyn Port<S::Contract>> = Arc::<Member<S, E>>::clone(&member);
        let name = <S::Contract as Contract>::SERVICE.to_owned();
        self.inner
            .rooms
            .lock()
            .expect("no panic inside")
            .insert(name, Room { port: Arc::new(port), group: member });
    }

    /// A client for all services of the services.
    pub fn client(&self) -> Client {
        Client::new(Arc::new(self.clone()))
    }

    /// A token that stands for `principal` among these test services.
    pub fn token(&self, principal: &Principal) -> String {
        let digits = codec::encode(principal).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("services.{digits}")
    }

    /// The services's clock.
    ///
    /// # Panics
    /// Never.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.lock().expect("no panic inside").0
    }

    /// Moves the clock and fires what falls due, in every service.
    ///
    /// # Panics
    /// When a timer panics.
    pub fn advance_secs(&self, secs: i64) {
        {
            let mut clock = self.inner.clock.lock().expect("no panic inside");
            clock.0 = clock.0.plus_secs(secs);
        }
        for room in self.rooms().values() {
            room.group.fire();
        }
    }

    /// Works all outboxes off until nothing is left in any.
    ///
    /// # Panics
    /// When an event is refused, an effect poisoned, or an effect asks for more than twenty retries.
    pub async fn settle(&self) {
        loop {
            let mut quiet = true;
            for (name, room) in self.rooms() {
                for (row, outgoing) in room.group.outbox() {
                    quiet = false;
                    match outgoing {
                        Outgoing::Event { service, command, .. } => {
                            let to = self.rooms().remove(&service).unwrap_or_else(|| {
                                panic!("no service `{service}` among these test services")
                            });
                            if let Some(why) = to.group.deliver(&name, row, command) {
                                panic!("{service} refused what {name} sent: {why}");
                            }
                            room.group.settle(vec![row], Vec::new());
                        }
                        Outgoing::Effect { effect, .. } => room.group.perform(row, effect).await,
                    }
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// What all services say is broken.
    ///
    /// # Panics
    /// When one panics over it.
    pub fn violations(&self) -> Vec<String> {
        self.rooms().values().flat_map(|room| room.group.violations()).collect()
    }

    fn rooms(&self) -> BTreeMap<String, Room> {
        self.inner.rooms.lock().expect("no panic inside").clone()
    }

    fn stamp(&self) -> Stamp {
        let mut clock = self.inner.clock.lock().expect("no panic inside");
        clock.1 += 1;
        Stamp { now: clock.0, entropy: codec::hash128(&[b"services", &clock.1.to_be_bytes()]) }
    }
}

impl Placement for TestServices {
    fn shards(&self, service: &str) -> Option<u16> {
        self.rooms().contains_key(service).then_some(1)
    }

    fn local(&self, service: &str, _shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        let room = self.rooms().remove(service);
        room.map(|room| room.port).ok_or_else(|| Unavailable::new(Why::NoService(service.to_owned())))
    }

    /// A services delivers by itself, in [`TestServices::settle`].
    fn inlet(&self, service: &str, _shard: u16) -> Result<Arc<dyn Inlet>, Unavailable> {
        Err(Unavailable::new(Why::NoService(service.to_owned())))
    }
}

/// A services's tokens for services, with every scope of the caller's choice left out: a service is known by its name.
impl Credentials for TestServices {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        on_behalf_of: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        let principal =
            Principal { on_behalf_of: on_behalf_of.map(str::to_owned), ..Principal::service(service) };
        Box::pin(async move { Ok(self.token(&principal).into()) })
    }
}

fn read_token(token: &str) -> Option<Principal> {
    let digits = token.strip_prefix("services.")?;
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    codec::decode(&bytes?).ok()
}

fn admit<R>(call: &Call, access: Access) -> Result<Principal, Failure<R>> {
    let principal = match call.token.as_deref() {
        None => Principal::anonymous(),
        Some(token) => read_token(token)
            .ok_or_else(|| Failure::Unauthenticated("not a token of these test services".into()))?,
    };
    crate::client::check_access(&principal, access)?;
    Ok(principal)
}

impl<S: Service, E: Effects<S>> Member<S, E> {
    fn apply<C: serde::Serialize>(&self, entry: &Entry<C>) -> Verdict<Reply<S>, Refusal<S>> {
        let verdicts = self.engine.apply(&[(0, &codec::encode(entry))], Vec::new());
        let verdicts = verdicts.unwrap_or_else(|halt| panic!("{halt}"));
        codec::decode(&verdicts[0]).expect("a verdict")
    }
}

impl<S: Service, E: Effects<S>> Port<S::Contract> for Member<S, E> {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        _: Attempt,
        command: &'a Command<S>,
    ) -> BoxFuture<'a, Result<Reply<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = admit(call, <S::Contract as Contract>::command_access(command))?;
            let stamp = self.services.stamp();
            let digest = codec::hash128(&[&codec::encode(command)]) as u64;
            // The services's own random bits, not the attempt's: what happens in a services happens again from the same seed.
            let id = call.key.map_or(stamp.entropy, |key| {
                codec::hash128(&[caller.effective_subject().as_bytes(), &key.to_be_bytes()])
            });
            match self.apply(&Entry::Command { id, digest, caller, stamp, command }) {
                Verdict::Reply(reply) => Ok(reply),
                Verdict::Refused(refusal) => Err(Failure::Refused(refusal)),
                Verdict::KeyReused => Err(Failure::KeyReused),
                Verdict::Delivered(_) | Verdict::More(_) | Verdict::Noted => {
                    unreachable!("a command's verdict")
                }
            }
        })
    }

    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: crate::Query<S>,
    ) -> BoxFuture<'a, Result<crate::Answer<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = admit(call, <S::Contract as Contract>::query_access(&query))?;
            let answer = self
                .engine
                .query(&caller, self.services.now(), query)
                .unwrap_or_else(|halt| panic!("{halt}"));
            answer.map_err(Failure::Refused)
        })
    }
}

impl<S: Service, E: Effects<S>> Group for Member<S, E> {
    fn outbox(&self) -> Vec<(u64, Outgoing)> {
        self.engine.outbox().unwrap_or_else(|halt| panic!("{halt}"))
    }

    fn settle(&self, done: Vec<u64>, parked: Vec<(u64, String)>) {
        self.apply(&Entry::<()>::Settle { done, parked });
    }

    fn deliver(&self, source: &str, row: u64, command: Vec<u8>) -> Option<String> {
        let caller = Principal::service(source);
        let command_typed =
            codec::decode::<Command<S>>(&command).expect("a command of the receiver's contract");
        let access = <S::Contract as Contract>::command_access(&command_typed);
        assert!(access.allows(&caller), "{source} may not send {command_typed:?}");
        let source = format!("{source}/0");
        let entry = Entry::<()>::Deliver {
            source,
            floor: 0,
            rows: vec![(row, command)],
            caller,
            stamp: self.services.stamp(),
        };
        match self.apply(&entry) {
            Verdict::Delivered(mut answers) => answers.pop().flatten(),
            verdict => panic!("{verdict:?}"),
        }
    }

    fn perform(&self, row: u64, effect: Vec<u8>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let service = crate::engine::service_name::<S>();
            for attempt in 0..ATTEMPTS_MAX {
                let context = EffectContext {
                    id: format!("services/{service}/0:{row}"),
                    attempt,
                    client: self.services.client(),
                    service,
                    credentials: Arc::new(self.services.clone()),
                };
                let effect = codec::decode(&effect).expect("an effect");
                match self.effects.perform(&context, effect).await {
                    Outcome::Done => return self.settle(vec![row], Vec::new()),
                    Outcome::Report(command) => {
                        self.apply(&Entry::Conclude { row, stamp: self.services.stamp(), command });
                        return;
                    }
                    Outcome::Retry(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                    Outcome::Poison(why) => panic!("{service} poisoned an effect: {why}"),
                }
            }
            panic!("{service} retried an effect {ATTEMPTS_MAX} times");
        })
    }

    fn fire(&self) {
        while matches!(self.apply(&Entry::<()>::Fire { stamp: self.services.stamp() }), Verdict::More(true)) {
        }
    }

    fn violations(&self) -> Vec<String> {
        self.engine.violations().unwrap_or_else(|halt| panic!("{halt}"))
    }
}
