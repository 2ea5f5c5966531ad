//! Three nodes with one group that adds up, as seen from `n1`. What is agreed on is one engine; what goes wrong on the way
//! there is told beforehand.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::BoxFuture;
use group::engine::{Engine, Entry, Stamp, Verdict};
use group::wire::{self, Ask};
use group::{
    Attempt, Call, Delivery, Failure, Inlet, Placement, Port, Unavailable, Way, Why, Wire, WireError,
};
use protocol::{Contract, Principal, ReadConsistency, Timestamp, codec};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use group::testing::Sum;
pub use group::testing::{Adder, AdderQuery as Query, Zero};

/// What goes wrong with one attempt, at whatever node leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no session.
    Unsent,
    /// The node is lost before the call is read.
    LoseCall,
    /// The node is lost when all is done but the answer.
    LoseReply,
    /// Leadership is lost, and what was proposed is not agreed on.
    UnknownUndone,
    /// Leadership is lost, and what was proposed is agreed on.
    UnknownDone,
    /// An answer that nobody can read.
    Garbled,
    Busy,
    Overloaded,
    TooManyKeys,
    Disk,
    Quarantined,
    /// No answer at all.
    Silent,
}

/// An attempt as its receiver saw it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub node: &'static str,
    pub id: u128,
    pub repeat: bool,
}

impl Seen {
    pub fn attempt(self) -> Attempt {
        Attempt { id: self.id, repeat: self.repeat }
    }
}

struct State {
    announced: Option<&'static str>,
    leader: Option<&'static str>,
    naming_each_other: bool,
    alone: bool,
    lagging: Vec<String>,
    lose_leader_after: usize,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
    entries: u64,
    looked: usize,
}

pub struct World {
    engine: Engine<Sum>,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    myself: std::sync::Weak<World>,
}

const NODES: [&str; 3] = ["n1", "n2", "n3"];

fn known(node: &str) -> &'static str {
    NODES.into_iter().find(|known| *known == node).expect("a node of this world")
}

impl World {
    pub fn new(leader: &'static str, faults: &[Fault]) -> Arc<Self> {
        let engine = Engine::open(Sum, Arc::new(store::Memory::new()), Box::new(|_| {})).expect("an engine");
        let state = State {
            announced: Some(leader),
            leader: Some(leader),
            naming_each_other: false,
            alone: false,
            lagging: Vec::new(),
            lose_leader_after: usize::MAX,
            faults: faults.iter().copied().collect(),
            seen: Vec::new(),
            entries: 0,
            looked: 0,
        };
        let state = Mutex::new(state);
        let changes = watch::Sender::new(0);
        Arc::new_cyclic(|myself| Self { engine, state, changes, myself: myself.clone() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic inside")
    }

    /// Somebody, or nobody, leads from now on, and all hear of it.
    pub fn lead(&self, leader: Option<&'static str>) {
        (self.state().announced, self.state().leader) = (leader, leader);
        self.touch();
    }

    /// And nobody hears of it.
    pub fn lead_in_truth(&self, leader: Option<&'static str>) {
        self.state().leader = leader;
    }

    /// Nobody leads, and the replicas think of each other that they do.
    pub fn name_each_other(&self) {
        self.state().leader = None;
        self.state().naming_each_other = true;
    }

    pub fn lose_leader_after(&self, attempts: usize) {
        self.state().lose_leader_after = attempts;
    }

    pub fn set_alone(&self, alone: bool) {
        self.state().alone = alone;
    }

    pub fn lag(&self, nodes: &[&str]) {
        self.state().lagging = nodes.iter().map(|node| (*node).to_owned()).collect();
    }

    pub fn touch(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    pub fn nodes(&self) -> Vec<&'static str> {
        self.seen().iter().map(|seen| seen.node).collect()
    }

    /// How often somebody looked for the leader.
    pub fn looked(&self) -> usize {
        self.state().looked
    }

    pub fn total(&self) -> u64 {
        self.ask(&Principal::anonymous(), Query::Total).expect("a total")
    }

    fn ask(&self, caller: &Principal, query: Query) -> Result<u64, Zero> {
        self.engine.query(caller, Timestamp(0), query).expect("an engine")
    }

    fn apply<C: Serialize>(&self, entry: &Entry<C>) -> Verdict<u64, Zero> {
        let index = {
            let mut state = self.state();
            state.entries += 1;
            state.entries
        };
        let verdicts = self.engine.apply(&[(index, &codec::encode(entry))], Vec::new()).expect("an engine");
        codec::decode(&verdicts[0]).expect("a verdict")
    }

    fn arrive<R>(&self, node: &str, attempt: Attempt, nearby: bool) -> Result<Option<Fault>, Failure<R>> {
        let node = known(node);
        let mut state = self.state();
        state.seen.push(Seen { node, id: attempt.id, repeat: attempt.repeat });
        if state.seen.len() >= state.lose_leader_after {
            state.announced = None;
        }
        let unavailable = |why| Err(Unavailable::new(why).into());
        if nearby {
            let lags = state.lagging.iter().any(|lagging| lagging == node);
            return if lags { unavailable(Why::NoLeader) } else { Ok(None) };
        }
        if state.naming_each_other {
            return unavailable(Why::Elsewhere(if node == "n2" { "n3" } else { "n2" }.to_owned()));
        }
        match state.leader {
            Some(leader) if leader == node => {}
            Some(leader) => return unavailable(Why::Elsewhere(leader.to_owned())),
            None => return unavailable(Why::NoLeader),
        }
        let fault = state.faults.pop_front();
        match fault {
            Some(Fault::Overloaded) => unavailable(Why::Overloaded),
            Some(Fault::TooManyKeys) => unavailable(Why::TooManyKeys),
            Some(Fault::Disk) => unavailable(Why::Store("full".into())),
            Some(Fault::Quarantined) => unavailable(Why::Quarantined),
            Some(Fault::UnknownUndone) => unavailable(Why::Unknown),
            // What a wire would lose or refuse, seen by a caller on the same node.
            Some(Fault::Busy) if node == "n1" => unavailable(Why::Busy),
            Some(Fault::Unsent) if node == "n1" => unavailable(Why::NoLeader),
            Some(Fault::LoseCall) if node == "n1" => unavailable(Why::Unknown),
            fault => Ok(fault),
        }
    }

    fn leave<T, R>(node: &str, fault: Option<Fault>, answer: Result<T, Failure<R>>) -> Result<T, Failure<R>> {
        let lost = fault == Some(Fault::UnknownDone)
            || node == "n1" && matches!(fault, Some(Fault::LoseReply | Fault::Garbled));
        if lost { Err(Unavailable::new(Why::Unknown).into()) } else { answer }
    }

    /// What a node does with a command.
    pub fn obey(&self, node: &str, call: &Call, attempt: Attempt, amount: u64) -> Result<u64, Failure<Zero>> {
        let fault = self.arrive(node, attempt, false)?;
        let subject = call.token.as_deref().unwrap_or_default().to_owned();
        let caller = Principal { subject, ..Principal::anonymous() };
        let id = match call.key {
            Some(key) => codec::hash128(&[caller.effective_subject().as_bytes(), &key.to_be_bytes()]),
            None => attempt.scoped_id(caller.effective_subject()),
        };
        let digest = codec::hash128(&[&codec::encode(&amount)]) as u64;
        let answer = match self.apply(&Entry::Command { id, digest, caller, stamp: STAMP, command: amount }) {
            Verdict::Reply(total) => Ok(total),
            Verdict::Refused(refusal) => Err(Failure::Refused(refusal)),
            Verdict::KeyReused => Err(Failure::KeyReused),
            verdict => panic!("{verdict:?}"),
        };
        Self::leave(node, fault, answer)
    }

    fn tell(&self, node: &str, query: Query) -> Result<u64, Failure<Zero>> {
        let nearby = Adder::query_consistency(&query) == ReadConsistency::BoundedStaleness;
        let fault = self.arrive(node, Attempt { id: 0, repeat: false }, nearby)?;
        let answer = self.ask(&Principal::anonymous(), query).map_err(Failure::Refused);
        Self::leave(node, fault, answer)
    }

    fn take(&self, node: &str, delivery: &Delivery) -> Result<Vec<Option<String>>, Failure<()>> {
        let fault = self.arrive(node, Attempt { id: 0, repeat: false }, false)?;
        let Delivery { source, floor, rows } = delivery.clone();
        let caller = Principal::service("till");
        let answer = match self.apply(&Entry::<()>::Deliver { source, floor, rows, caller, stamp: STAMP }) {
            Verdict::Delivered(answers) => Ok(answers),
            verdict => panic!("{verdict:?}"),
        };
        Self::leave(node, fault, answer)
    }

    fn way(&self, node: &'static str) -> Way {
        if node == "n1" {
            Way::Here(self.local(Adder::SERVICE, 0).expect("a port"))
        } else {
            Way::There(node.into())
        }
    }
}

const STAMP: Stamp = Stamp { now: Timestamp(0), entropy: 0 };

/// `n1`'s own replica.
struct Own(Arc<World>);

impl Port<Adder> for Own {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        attempt: Attempt,
        amount: &'a u64,
    ) -> BoxFuture<'a, Result<u64, Failure<Zero>>> {
        Box::pin(async move { self.0.obey("n1", call, attempt, *amount) })
    }

    fn query<'a>(&'a self, _: &'a Call, query: Query) -> BoxFuture<'a, Result<u64, Failure<Zero>>> {
        Box::pin(async move { self.0.tell("n1", query) })
    }
}

impl Inlet for Own {
    fn deliver<'a>(
        &'a self,
        _: &'a Call,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>> {
        Box::pin(async move { self.0.take("n1", delivery) })
    }
}

impl Placement for World {
    fn shards(&self, service: &str) -> Option<u16> {
        (service == Adder::SERVICE).then_some(2)
    }

    fn local(&self, _: &str, _: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        let port: Arc<dyn Port<Adder>> = Arc::new(Own(self.myself.upgrade().expect("a world")));
        Ok(Arc::new(port))
    }

    fn inlet(&self, _: &str, _: u16) -> Result<Arc<dyn Inlet>, Unavailable> {
        Ok(Arc::new(Own(self.myself.upgrade().expect("a world"))))
    }

    fn leader(&self, _: &str, _: u16) -> Result<Way, Unavailable> {
        let announced = {
            let mut state = self.state();
            state.looked += 1;
            state.announced
        };
        announced.map(|node| self.way(node)).ok_or_else(|| Unavailable::new(Why::NoLeader))
    }

    fn nearby(&self, _: &str, _: u16, nth: usize) -> Result<Way, Unavailable> {
        NODES.get(nth).map(|node| self.way(node)).ok_or_else(|| Unavailable::new(Why::NoLeader))
    }

    fn at(&self, _: &str, _: u16, node: &str) -> Result<Way, Unavailable> {
        Ok(self.way(known(node)))
    }

    fn alone(&self, _: &str, _: u16) -> bool {
        self.state().alone
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changes = self.changes.subscribe();
        Box::pin(async move {
            let _ = changes.changed().await;
        })
    }

    fn wire(&self) -> Option<Arc<dyn Wire>> {
        Some(Arc::new(Cable(self.myself.upgrade().expect("a world"))))
    }
}

struct Cable(Arc<World>);

impl Wire for Cable {
    fn call<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, WireError>> {
        Box::pin(async move {
            assert!(["adder/0", "adder/1"].contains(&group), "{group}");
            let next = self.0.state().faults.front().copied();
            let request = wire::open(bytes, Instant::now() + timeout).expect("a call");
            if let Some(fault @ (Fault::Unsent | Fault::Busy | Fault::LoseCall | Fault::Silent)) = next {
                let attempt = match request.ask {
                    Ask::Command { attempt, .. } => attempt,
                    Ask::Query | Ask::Deliver => Attempt { id: 0, repeat: false },
                };
                let _ = self.0.arrive::<()>(node, attempt, false);
                match fault {
                    Fault::Unsent => return Err(WireError::NotSent("no session".into())),
                    Fault::Busy => return Err(WireError::Busy),
                    Fault::LoseCall => return Err(WireError::Lost),
                    _ => {
                        tokio::time::sleep(timeout).await;
                        return Err(WireError::Timeout);
                    }
                }
            }
            let call = &request.call;
            let answer = match request.ask {
                Ask::Command { attempt, .. } => {
                    codec::encode(&self.0.obey(node, call, attempt, request.payload().expect("a command")))
                }
                Ask::Query => codec::encode(&self.0.tell(node, request.payload().expect("a query"))),
                Ask::Deliver => codec::encode(&self.0.take(node, &request.payload().expect("a delivery"))),
            };
            match next {
                Some(Fault::LoseReply) => Err(WireError::Lost),
                Some(Fault::Garbled) => Ok(vec![codec::FORMAT, 99]),
                _ => Ok(answer),
            }
        })
    }
}
