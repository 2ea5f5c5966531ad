//! A group of three replicas in one process, called by a node that has none of them.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consensus::testing::InMemoryNetwork;
use consensus::{Options, RaftNode};
use group::engine::Engine;
use group::testing::{Adder, AdderQuery as Query, Sum, Zero};
use group::{Attempt, Call, Client, Delivery, Failure, Placement, Unavailable, Way, Why, Wire, WireError};
use ractor::Actor;
use tempfile::TempDir;
use token::Verifier;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::calls::core::{Core, EngineMachine};
use crate::calls::front::Front;
use crate::calls::port::{OpenReplica, ReplicaState};
use crate::change_notifier::ChangeNotifier;
use crate::keys::Keys;
use crate::limits::Limits;

/// Nothing here takes this long, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);

struct Replica {
    door: Arc<Door<Sum>>,
    core: Arc<Core<Sum>>,
}

struct Group {
    replicas: BTreeMap<String, Replica>,
    network: InMemoryNetwork,
    keys: Arc<Keys>,
    /// Who is cut off.
    lost: Mutex<Option<String>>,
    changes: watch::Sender<u64>,
    myself: std::sync::Weak<Group>,
    _dir: TempDir,
}

async fn open(
    network: &InMemoryNetwork,
    dir: &TempDir,
    verifier: &Arc<Verifier>,
    id: u64,
    limits: Limits,
) -> (String, Replica) {
    let node = format!("n{id}");
    let log = dir.path().join(&node);
    let log = store::NodeLog::open(&log, store::LogSettings::default()).unwrap();
    let state: Arc<dyn store::State> = Arc::new(store::Memory::new());
    let engine = Arc::new(Engine::open(Sum, Arc::clone(&state), Box::new(|_| {})).unwrap());
    let options = Options::new("adder/0", id);
    let machine = Arc::new(EngineMachine(Arc::clone(&engine)));
    let consensus =
        consensus::Replica::start(options, log, state, machine, network.endpoint(id)).await.unwrap();
    network.join("adder/0", id, consensus.clone());
    let core = Arc::new(Core::new("adder/0".into(), engine, consensus, Arc::default()));
    let heavy = Arc::new(Semaphore::new(2));
    let (front, _) = Actor::spawn(None, Front::default(), (Arc::clone(&core), heavy)).await.unwrap();
    let door = Arc::new(Door::new(Arc::clone(verifier), limits, Arc::new(ChangeNotifier::default())));
    door.set(ReplicaState::Open(OpenReplica { core: Arc::clone(&core), front }));
    (node, Replica { door, core })
}

impl Group {
    async fn new(limits: Limits) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::new();
        let verifier = keys.verifier();
        let network = InMemoryNetwork::new();
        let mut replicas = BTreeMap::new();
        for id in 1..=3 {
            replicas.extend([open(&network, &dir, &verifier, id, limits.clone()).await]);
        }
        let members = (1..=3).map(|id| (id, RaftNode { node: format!("n{id}") })).collect();
        replicas["n1"].core.consensus.initialize(members).await.unwrap();
        let lost = Mutex::default();
        let changes = watch::Sender::new(0);
        let group = Arc::new_cyclic(|myself| Self {
            replicas,
            network,
            keys,
            lost,
            changes,
            myself: myself.clone(),
            _dir: dir,
        });
        for replica in group.replicas.values() {
            let (mut role, changes) = (replica.core.consensus.role(), group.changes.clone());
            tokio::spawn(async move {
                while role.changed().await.is_ok() {
                    changes.send_modify(|changes| *changes += 1);
                }
            });
        }
        while group.leader().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        group
    }

    fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lose(&self, node: Option<&str>) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        for name in self.replicas.keys() {
            self.network.isolate(name[1..].parse().unwrap(), node == Some(name));
        }
        *lost = node.map(str::to_owned);
        drop(lost);
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// As a board would say.
    fn leader(&self) -> Option<String> {
        let lost = self.lost();
        let roles = self.replicas.iter().map(|(node, replica)| (node, replica.core.consensus.role()));
        let mut leading: Vec<_> = roles
            .filter(|(node, role)| role.borrow().leader && lost.as_ref() != Some(*node))
            .map(|(node, role)| (role.borrow().term, node.clone()))
            .collect();
        leading.sort();
        leading.pop().map(|(_, node)| node)
    }

    fn client(&self) -> Client {
        Client::new(self.myself.upgrade().unwrap())
    }

    fn call(&self, subject: &str, scope: &str) -> Call {
        self.keys.call(subject, scope, LONG)
    }

    fn guest(&self) -> Call {
        self.call("usr_1", "adder:write")
    }

    /// One call to one node, as the link brings it.
    async fn tell(&self, node: &str, call: &Call, attempt: Attempt, amount: u64) -> Told {
        let bytes = wire::seal(call, Ask::Command { attempt, key: call.key }, &amount);
        let answer = self.replicas[node].door.serve(bytes, call.deadline).await.unwrap();
        codec::decode(&answer).unwrap()
    }
}

type Told = Result<u64, Failure<Zero>>;

impl Placement for Group {
    fn shards(&self, service: &str) -> Option<u16> {
        (service == "adder").then_some(1)
    }

    fn local(&self, _: &str, _: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        Err(Unavailable::new(Why::NoLeader))
    }

    fn inlet(&self, _: &str, _: u16) -> Result<Arc<dyn Inlet>, Unavailable> {
        Err(Unavailable::new(Why::NoLeader))
    }

    fn leader(&self, _: &str, _: u16) -> Result<Way, Unavailable> {
        let leader = Group::leader(self).ok_or_else(|| Unavailable::new(Why::NoLeader))?;
        Ok(Way::There(leader.into()))
    }

    fn nearby(&self, _: &str, _: u16, nth: usize) -> Result<Way, Unavailable> {
        let node = self.replicas.keys().nth(nth).ok_or_else(|| Unavailable::new(Why::NoLeader))?;
        Ok(Way::There(node.as_str().into()))
    }

    fn at(&self, _: &str, _: u16, node: &str) -> Result<Way, Unavailable> {
        Ok(Way::There(node.into()))
    }

    fn alone(&self, _: &str, _: u16) -> bool {
        false
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changes = self.changes.subscribe();
        Box::pin(async move {
            let _ = changes.changed().await;
        })
    }

    fn wire(&self) -> Option<Arc<dyn Wire>> {
        Some(Arc::new(Cable(self.myself.upgrade().unwrap())))
    }
}

struct Cable(Arc<Group>);

impl Wire for Cable {
    fn call<'a>(
        &'a self,
        node: &'a str,
        _: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, WireError>> {
        Box::pin(async move {
            let mut changes = self.0.changes.subscribe();
            let is_lost = || self.0.lost().as_deref() == Some(node);
            if is_lost() {
                return Err(WireError::NotSent("no session".into()));
            }
            let door = Arc::clone(&self.0.replicas[node].door);
            let serving = tokio::spawn(async move { door.serve(bytes, Instant::now() + timeout).await });
            let lost = async {
                while !is_lost() {
                    changes.changed().await.unwrap();
                }
            };
            tokio::select! {
                answer = serving => answer.unwrap().map_err(|unread| WireError::NotSent(unread.to_string())),
                () = lost => Err(WireError::Lost),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_nodes_are_served_by_the_same_door() {
    let group = Group::new(Limits { keys_per_caller_max: 2, ..Limits::default() }).await;
    let client = group.client();
    let guest = group.guest();
    assert_eq!(client.command::<Adder>(&guest, 5).await, Ok(5));
    assert_eq!(client.command::<Adder>(&guest, 0).await, Err(Failure::Refused(Zero)));
    assert_eq!(client.query::<Adder>(&guest, Query::Total).await, Ok(5));
    // A token is verified where it arrives.
    let nobody = Call::anonymous(LONG);
    let told = client.command::<Adder>(&nobody, 5).await;
    assert!(matches!(told, Err(Failure::Unauthenticated(_))), "{told:?}");
    let told = client.command::<Adder>(&group.call("usr_1", "profile"), 5).await;
    assert_eq!(told, Err(Failure::Forbidden(vec!["adder:write".into()])));

    // Who does not lead says who does.
    let leader = group.leader().unwrap();
    let follower = group.replicas.keys().find(|node| **node != leader).unwrap();
    let attempt = Attempt::first();
    let elsewhere = group.tell(follower, &guest, attempt, 1).await;
    assert_eq!(elsewhere, Err(Unavailable::new(Why::Elsewhere(leader.clone())).into()));

    // A drawn id is its caller's.
    assert_eq!(group.tell(&leader, &guest, attempt, 1).await, Ok(6));
    let repeat = Attempt { repeat: true, ..attempt };
    assert_eq!(group.tell(&leader, &guest, repeat, 1).await, Ok(6));
    assert_eq!(group.tell(&leader, &group.call("usr_2", "adder:write"), repeat, 1).await, Ok(7));

    // A key counts once, and is the same command under any id; with another command it is refused.
    let keyed = guest.with_key("add", "", "a");
    for attempt in [Attempt::first(), repeat, Attempt { repeat: true, ..Attempt::first() }] {
        assert_eq!(group.tell(&leader, &keyed, attempt, 2).await, Ok(9));
    }
    assert_eq!(group.tell(&leader, &keyed, repeat, 3).await, Err(Failure::KeyReused));
    assert_eq!(client.command::<Adder>(&guest.with_key("add", "", "b"), 2).await, Ok(11));
    let told = group.tell(&leader, &guest.with_key("add", "", "c"), Attempt::first(), 2).await;
    assert!(matches!(told, Err(Failure::Unavailable(Unavailable { why: Why::TooManyKeys, .. }))), "{told:?}");

    // Rows of an outbox, twice.
    let delivery = || {
        let rows = vec![(4, codec::encode(&1_u64)), (6, codec::encode(&0_u64)), (7, codec::encode(&1_u64))];
        Delivery { source: "1/till/0".into(), floor: 4, rows }
    };
    for _ in 0..2 {
        let till = group.call("svc:till", "");
        let answers = client.deliver(&till, "adder", 0, delivery()).await;
        assert_eq!(answers, Ok(vec![None, Some("nothing to add".into())]));
    }
    let denied = client.deliver(&guest, "adder", 0, delivery()).await;
    assert!(matches!(denied, Err(Failure::Unauthenticated(_))), "{denied:?}");
    assert_eq!(client.query::<Adder>(&guest, Query::Total).await, Ok(12));

    // What is no call does nothing.
    let door = &group.replicas[&leader].door;
    let deadline = guest.deadline;
    assert_eq!(door.serve(Vec::new(), deadline).await, Err(DecodeError::Empty));
    assert_eq!(door.serve(vec![99, 1], deadline).await, Err(DecodeError::NewerVersion(99)));
    let cut = wire::seal(&guest, Ask::Command { attempt, key: None }, &());
    assert!(matches!(door.serve(cut, deadline).await, Err(DecodeError::Malformed(_))));
    door.set(ReplicaState::Closed);
    let told = group.tell(&leader, &guest, attempt, 1).await;
    assert_eq!(told, Err(Unavailable::new(Why::NoLeader).into()));
}

/// Two callers add one by one while the leader is cut off, again and again: no call fails, and none counts twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_see_latency_and_no_failover() {
    let group = Group::new(Limits::default()).await;
    let (stop, added) = (watch::Sender::new(false), watch::Sender::new(0_u64));
    let mut callers = Vec::new();
    for caller in ["usr_1", "usr_2"] {
        let (group, stopped, all) = (Arc::clone(&group), stop.subscribe(), added.clone());
        callers.push(tokio::spawn(async move {
            let client = group.client();
            let mut added = 0_u64;
            while !*stopped.borrow() {
                let call = group.call(caller, "adder:write");
                client.command::<Adder>(&call, 1).await.unwrap();
                added += 1;
                all.send_modify(|all| *all += 1);
                // What is read is never older than what was acknowledged.
                let total = client.query::<Adder>(&call, Query::Total).await.unwrap();
                assert!(total >= added, "{total} after {added}");
            }
        }));
    }
    let some = async || {
        let until = *added.borrow() + 10;
        added.subscribe().wait_for(|all| *all >= until).await.unwrap();
    };
    for _ in 0..3 {
        some().await;
        let leader = group.leader().unwrap();
        group.lose(Some(&leader));
        while group.leader().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        some().await;
        group.lose(None);
    }
    stop.send_replace(true);
    for caller in callers {
        caller.await.unwrap();
    }
    let total = group.client().query::<Adder>(&group.guest(), Query::Total).await;
    assert_eq!(total, Ok(*added.borrow()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_answer_nearby_while_they_hear_of_their_leader() {
    let group = Group::new(Limits::default()).await;
    let guest = group.guest();
    assert_eq!(group.client().command::<Adder>(&guest, 5).await, Ok(5));
    let leader = group.leader().unwrap();
    let follower = group.replicas.keys().find(|node| **node != leader).unwrap();
    let ask = async |node: &str, query: Query| {
        let bytes = wire::seal(&guest, Ask::Query, &query);
        let answer = group.replicas[node].door.serve(bytes, guest.deadline).await.unwrap();
        codec::decode::<Told>(&answer).unwrap()
    };
    // It hears of the last entry with the next heartbeat.
    while ask(follower, Query::Near).await != Ok(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(&leader, Query::Near).await, Ok(5));
    let elsewhere = Err(Unavailable::new(Why::Elsewhere(leader.clone())).into());
    assert_eq!(ask(follower, Query::Total).await, elsewhere, "this one only the leader answers");

    group.lose(Some(follower));
    tokio::time::sleep(Duration::from_millis(2300)).await;
    let silent = ask(follower, Query::Near).await;
    assert!(matches!(silent, Err(Failure::Unavailable(_))), "{silent:?}");
    assert_eq!(group.client().query::<Adder>(&guest, Query::Near).await, Ok(5), "others still do");
    group.lose(None);
}
