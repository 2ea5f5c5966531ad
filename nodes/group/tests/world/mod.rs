//! Three nodes with one group of [`Adder`], called from `n1`. One engine stands for the replicated state; the faults of the
//! attempts are configured in advance.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::BoxFuture;
use group::engine::{Applied, Engine, Entry, EntryResult, LogEntry, Stamp};
use group::wire::{self, CallKind};
use group::{
    Attempt, Call, Delivery, EncodedCommand, Failure, GroupHandle, Inbox, Placement, Target, Transport,
    TransportError, Unavailable, Why,
};
use protocol::{Contract, Principal, ReadConsistency, Timestamp, codec};
use tokio::sync::watch;
use tokio::time::Instant;

use group::testing::Sum;
pub use group::testing::{Adder, AdderQuery as Query, Zero};

/// The fault of one attempt, at whichever node leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no connection.
    Unsent,
    /// The connection is lost before the call is received.
    LoseCall,
    /// The connection is lost after the call was executed.
    LoseReply,
    /// Leadership is lost and the proposal is not committed.
    UnknownUndone,
    /// Leadership is lost and the proposal is committed.
    UnknownDone,
    /// The response cannot be decoded.
    Garbled,
    Busy,
    Overloaded,
    TooManyKeys,
    Disk,
    Quarantined,
    /// There is no response.
    Silent,
}

/// An attempt, as its receiver got it.
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
    only_replica: bool,
    lagging: Vec<String>,
    lose_leader_after: usize,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
    entries: u64,
    lookups: usize,
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
            only_replica: false,
            lagging: Vec::new(),
            lose_leader_after: usize::MAX,
            faults: faults.iter().copied().collect(),
            seen: Vec::new(),
            entries: 0,
            lookups: 0,
        };
        let state = Mutex::new(state);
        let changes = watch::Sender::new(0);
        Arc::new_cyclic(|myself| Self { engine, state, changes, myself: myself.clone() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic inside")
    }

    /// Changes the leader; the placement is updated.
    pub fn lead(&self, leader: Option<&'static str>) {
        (self.state().announced, self.state().leader) = (leader, leader);
        self.touch();
    }

    /// Changes the leader; the placement is not updated.
    pub fn lead_unannounced(&self, leader: Option<&'static str>) {
        self.state().leader = leader;
    }

    /// There is no leader, and the replicas name each other.
    pub fn name_each_other(&self) {
        self.state().leader = None;
        self.state().naming_each_other = true;
    }

    pub fn lose_leader_after(&self, attempts: usize) {
        self.state().lose_leader_after = attempts;
    }

    pub fn set_only_replica(&self, only_replica: bool) {
        self.state().only_replica = only_replica;
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

    /// The number of look-ups of the leader.
    pub fn lookups(&self) -> usize {
        self.state().lookups
    }

    pub fn total(&self) -> u64 {
        self.read(&Principal::anonymous(), Query::Total).expect("a total")
    }

    fn read(&self, caller: &Principal, query: Query) -> Result<u64, Zero> {
        self.engine.query(caller, Timestamp(0), query).expect("an engine")
    }

    fn apply(&self, payload: &[u8]) -> Applied<Sum> {
        let index = {
            let mut state = self.state();
            state.entries += 1;
            state.entries
        };
        let entry = LogEntry { index, payload, awaited: true };
        let results = self.engine.apply(&[entry], Vec::new()).expect("an engine");
        results.into_iter().next().flatten().expect("an awaited entry has a result")
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
            // What the transport would report, for a caller on the same node.
            Some(Fault::Busy) if node == "n1" => unavailable(Why::Busy),
            Some(Fault::Unsent) if node == "n1" => unavailable(Why::NoLeader),
            Some(Fault::LoseCall) if node == "n1" => unavailable(Why::Unknown),
            fault => Ok(fault),
        }
    }

    fn respond<T, R>(
        node: &str,
        fault: Option<Fault>,
        answer: Result<T, Failure<R>>,
    ) -> Result<T, Failure<R>> {
        let lost = fault == Some(Fault::UnknownDone)
            || node == "n1" && matches!(fault, Some(Fault::LoseReply | Fault::Garbled));
        if lost { Err(Unavailable::new(Why::Unknown).into()) } else { answer }
    }

    /// Executes a command on a node.
    pub fn execute(
        &self,
        node: &str,
        call: &Call,
        attempt: Attempt,
        command: &EncodedCommand<Adder>,
    ) -> Result<u64, Failure<Zero>> {
        let fault = self.arrive(node, attempt, false)?;
        let subject = call.token.as_deref().unwrap_or_default().to_owned();
        let caller = Principal { subject, ..Principal::anonymous() };
        let id = match call.key {
            Some(key) => codec::hash128(&[caller.effective_subject().as_bytes(), &key.to_be_bytes()]),
            None => attempt.scoped_id(caller.effective_subject()),
        };
        let entry = Entry::command(id, command.digest(), &caller, STAMP, command.bytes());
        let answer = match self.apply(&entry) {
            EntryResult::Reply(total) => Ok(total),
            EntryResult::Refused(refusal) => Err(Failure::Refused(refusal)),
            EntryResult::KeyReused => Err(Failure::KeyReused),
            result => panic!("{result:?}"),
        };
        Self::respond(node, fault, answer)
    }

    fn answer(&self, node: &str, query: Query) -> Result<u64, Failure<Zero>> {
        let nearby = Adder::query_consistency(&query) == ReadConsistency::BoundedStaleness;
        let fault = self.arrive(node, Attempt { id: 0, repeat: false }, nearby)?;
        let answer = self.read(&Principal::anonymous(), query).map_err(Failure::Refused);
        Self::respond(node, fault, answer)
    }

    fn deliver(&self, node: &str, delivery: &Delivery) -> Result<Vec<Option<String>>, Failure<()>> {
        let fault = self.arrive(node, Attempt { id: 0, repeat: false }, false)?;
        let Delivery { source, floor, rows } = delivery;
        let caller = Principal::service("till");
        let answer = match self.apply(&Entry::deliver(source, *floor, rows, &caller, STAMP)) {
            EntryResult::Delivered(answers) => Ok(answers),
            result => panic!("{result:?}"),
        };
        Self::respond(node, fault, answer)
    }

    fn target(&self, node: &'static str) -> Target {
        if node == "n1" {
            Target::Local(self.local(Adder::SERVICE, 0).expect("a replica"))
        } else {
            Target::Remote(node.into())
        }
    }
}

const STAMP: Stamp = Stamp { now: Timestamp(0), entropy: 0 };

/// The replica on `n1`.
struct LocalReplica(Arc<World>);

impl GroupHandle<Adder> for LocalReplica {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        attempt: Attempt,
        command: &'a EncodedCommand<Adder>,
    ) -> BoxFuture<'a, Result<u64, Failure<Zero>>> {
        Box::pin(async move { self.0.execute("n1", call, attempt, command) })
    }

    fn query<'a>(&'a self, _: &'a Call, query: Query) -> BoxFuture<'a, Result<u64, Failure<Zero>>> {
        Box::pin(async move { self.0.answer("n1", query) })
    }
}

impl Inbox for LocalReplica {
    fn deliver<'a>(
        &'a self,
        _: &'a Call,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>> {
        Box::pin(async move { self.0.deliver("n1", delivery) })
    }
}

impl Placement for World {
    fn shards(&self, service: &str) -> Option<u16> {
        (service == Adder::SERVICE).then_some(2)
    }

    fn local(&self, _: &str, _: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        let handle: Arc<dyn GroupHandle<Adder>> =
            Arc::new(LocalReplica(self.myself.upgrade().expect("a world")));
        Ok(Arc::new(handle))
    }

    fn inbox(&self, _: &str, _: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        Ok(Arc::new(LocalReplica(self.myself.upgrade().expect("a world"))))
    }

    fn leader(&self, _: &str, _: u16) -> Result<Target, Unavailable> {
        let announced = {
            let mut state = self.state();
            state.lookups += 1;
            state.announced
        };
        announced.map(|node| self.target(node)).ok_or_else(|| Unavailable::new(Why::NoLeader))
    }

    fn nearby(&self, _: &str, _: u16, nth: usize) -> Result<Target, Unavailable> {
        NODES.get(nth).map(|node| self.target(node)).ok_or_else(|| Unavailable::new(Why::NoLeader))
    }

    fn on_node(&self, _: &str, _: u16, node: &str) -> Result<Target, Unavailable> {
        Ok(self.target(known(node)))
    }

    fn is_only_replica(&self, _: &str, _: u16) -> bool {
        self.state().only_replica
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changes = self.changes.subscribe();
        Box::pin(async move {
            let _ = changes.changed().await;
        })
    }

    fn transport(&self) -> Option<Arc<dyn Transport>> {
        Some(Arc::new(TestTransport(self.myself.upgrade().expect("a world"))))
    }
}

struct TestTransport(Arc<World>);

impl Transport for TestTransport {
    fn call<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            assert!(["adder/0", "adder/1"].contains(&group), "{group}");
            let next = self.0.state().faults.front().copied();
            let request = wire::decode(bytes, Instant::now() + timeout).expect("a call");
            if let Some(fault @ (Fault::Unsent | Fault::Busy | Fault::LoseCall | Fault::Silent)) = next {
                let attempt = match request.kind {
                    CallKind::Command { attempt, .. } => attempt,
                    CallKind::Query | CallKind::Deliver => Attempt { id: 0, repeat: false },
                };
                let _ = self.0.arrive::<()>(node, attempt, false);
                match fault {
                    Fault::Unsent => return Err(TransportError::NotSent("no connection".into())),
                    Fault::Busy => return Err(TransportError::Busy),
                    Fault::LoseCall => return Err(TransportError::Lost),
                    _ => {
                        tokio::time::sleep(timeout).await;
                        return Err(TransportError::Timeout);
                    }
                }
            }
            let call = &request.call;
            let answer = match request.kind {
                CallKind::Command { attempt, .. } => codec::encode(&self.0.execute(
                    node,
                    call,
                    attempt,
                    &request.command().expect("a command"),
                )),
                CallKind::Query => codec::encode(&self.0.answer(node, request.payload().expect("a query"))),
                CallKind::Deliver => {
                    codec::encode(&self.0.deliver(node, &request.payload().expect("a delivery")))
                }
            };
            match next {
                Some(Fault::LoseReply) => Err(TransportError::Lost),
                Some(Fault::Garbled) => Ok(vec![codec::FORMAT, 99]),
                _ => Ok(answer),
            }
        })
    }
}
