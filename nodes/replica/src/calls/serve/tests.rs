//! A group of three replicas in one process, called from a node without a replica.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consensus::testing::InMemoryNetwork;
use consensus::{Options, RaftNode};
use group::engine::Engine;
use group::testing::{Adder, AdderQuery as Query, Sum, Zero};
use group::{
    Attempt, Call, Client, Delivery, Failure, Placement, Target, Transport, TransportError, Unavailable, Why,
};
use tempfile::TempDir;
use token::Verifier;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::calls::core::{Core, EngineStateMachine};
use crate::calls::endpoint::{OpenReplica, ReplicaEndpoint, ReplicaState, TypedEndpoint};
use crate::calls::proposer::Proposals;
use crate::change_notifier::ChangeNotifier;
use crate::keys::Keys;
use crate::limits::Limits;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

struct Replica {
    endpoint: Arc<TypedEndpoint<Sum>>,
    core: Arc<Core>,
}

struct Group {
    replicas: BTreeMap<String, Replica>,
    network: InMemoryNetwork,
    keys: Arc<Keys>,
    /// The node that is cut off.
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
    let machine = Arc::new(EngineStateMachine(Arc::<Engine<Sum>>::clone(&engine)));
    let consensus =
        consensus::Replica::start(options, log, state, machine, network.endpoint(id)).await.unwrap();
    network.join("adder/0", id, consensus.clone());
    let core = Arc::new(Core::new("adder/0".into(), "adder", engine, consensus, Arc::default()));
    let heavy = Arc::new(Semaphore::new(2));
    let proposals = Proposals::start_unsupervised(Arc::clone(&core)).await.unwrap();
    let changes = Arc::new(ChangeNotifier::default());
    let endpoint = Arc::new(ReplicaEndpoint::new("adder", Arc::clone(verifier), limits, changes));
    let endpoint = Arc::new(TypedEndpoint::new(endpoint));
    endpoint.set(ReplicaState::Open(Arc::new(OpenReplica { core: Arc::clone(&core), proposals, heavy })));
    (node, Replica { endpoint, core })
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

    /// The leader, as a cluster view would have it.
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

    /// Sends one call to one node.
    async fn send(&self, node: &str, call: &Call, attempt: Attempt, amount: u64) -> SendResult {
        let bytes = wire::encode(call, CallKind::Command { attempt, key: call.key }, &codec::encode(&amount));
        let answer = self.replicas[node].endpoint.serve(bytes, call.deadline).await.unwrap();
        codec::decode(&answer).unwrap()
    }
}

type SendResult = Result<u64, Failure<Zero>>;

impl Placement for Group {
    fn shards(&self, service: &str) -> Option<u16> {
        (service == "adder").then_some(1)
    }

    fn local(&self, _: &str, _: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        Err(Unavailable::new(Why::NoLeader))
    }

    fn inbox(&self, _: &str, _: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        Err(Unavailable::new(Why::NoLeader))
    }

    fn leader(&self, _: &str, _: u16) -> Result<Target, Unavailable> {
        let leader = Group::leader(self).ok_or_else(|| Unavailable::new(Why::NoLeader))?;
        Ok(Target::Remote(leader.into()))
    }

    fn nearby(&self, _: &str, _: u16, nth: usize) -> Result<Target, Unavailable> {
        let node = self.replicas.keys().nth(nth).ok_or_else(|| Unavailable::new(Why::NoLeader))?;
        Ok(Target::Remote(node.as_str().into()))
    }

    fn on_node(&self, _: &str, _: u16, node: &str) -> Result<Target, Unavailable> {
        Ok(Target::Remote(node.into()))
    }

    fn is_only_replica(&self, _: &str, _: u16) -> bool {
        false
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changes = self.changes.subscribe();
        Box::pin(async move {
            let _ = changes.changed().await;
        })
    }

    fn transport(&self) -> Option<Arc<dyn Transport>> {
        Some(Arc::new(TestTransport(self.myself.upgrade().unwrap())))
    }
}

struct TestTransport(Arc<Group>);

impl Transport for TestTransport {
    fn call<'a>(
        &'a self,
        node: &'a str,
        _: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            let mut changes = self.0.changes.subscribe();
            let is_lost = || self.0.lost().as_deref() == Some(node);
            if is_lost() {
                return Err(TransportError::NotSent("no connection".into()));
            }
            let endpoint = Arc::clone(&self.0.replicas[node].endpoint);
            let serving = tokio::spawn(async move { endpoint.serve(bytes, Instant::now() + timeout).await });
            let lost = async {
                while !is_lost() {
                    changes.changed().await.unwrap();
                }
            };
            tokio::select! {
                response = serving => response.unwrap().map_err(|error| TransportError::NotSent(error.to_string())),
                () = lost => Err(TransportError::Lost),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_from_other_nodes_are_verified_and_applied_once() {
    let group = Group::new(Limits { keys_per_caller_max: 2, ..Limits::default() }).await;
    let client = group.client();
    let guest = group.guest();
    assert_eq!(client.command::<Adder>(&guest, 5).await, Ok(5));
    assert_eq!(client.command::<Adder>(&guest, 0).await, Err(Failure::Refused(Zero)));
    assert_eq!(client.query::<Adder>(&guest, Query::Total).await, Ok(5));
    // The receiving node verifies the token.
    let nobody = Call::anonymous(LONG);
    let result = client.command::<Adder>(&nobody, 5).await;
    assert!(matches!(result, Err(Failure::Unauthenticated(_))), "{result:?}");
    let result = client.command::<Adder>(&group.call("usr_1", "profile"), 5).await;
    assert_eq!(result, Err(Failure::Forbidden(vec!["adder:write".into()])));

    // A follower names the leader.
    let leader = group.leader().unwrap();
    let follower = group.replicas.keys().find(|node| **node != leader).unwrap();
    let attempt = Attempt::first();
    let elsewhere = group.send(follower, &guest, attempt, 1).await;
    assert_eq!(elsewhere, Err(Unavailable::new(Why::Elsewhere(leader.clone())).into()));

    // The id of an attempt is scoped by its caller.
    assert_eq!(group.send(&leader, &guest, attempt, 1).await, Ok(6));
    let repeat = Attempt { repeat: true, ..attempt };
    assert_eq!(group.send(&leader, &guest, repeat, 1).await, Ok(6));
    assert_eq!(group.send(&leader, &group.call("usr_2", "adder:write"), repeat, 1).await, Ok(7));

    // A key counts once; a repeat with another id is the same command; another command under the key is refused.
    let keyed = guest.with_key("add", "", "a");
    for attempt in [Attempt::first(), repeat, Attempt { repeat: true, ..Attempt::first() }] {
        assert_eq!(group.send(&leader, &keyed, attempt, 2).await, Ok(9));
    }
    assert_eq!(group.send(&leader, &keyed, repeat, 3).await, Err(Failure::KeyReused));
    assert_eq!(client.command::<Adder>(&guest.with_key("add", "", "b"), 2).await, Ok(11));
    let result = group.send(&leader, &guest.with_key("add", "", "c"), Attempt::first(), 2).await;
    assert!(
        matches!(result, Err(Failure::Unavailable(Unavailable { why: Why::TooManyKeys, .. }))),
        "{result:?}"
    );

    // The same rows of an outbox are delivered twice.
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

    // Damaged calls are refused.
    let endpoint = &group.replicas[&leader].endpoint;
    let deadline = guest.deadline;
    assert_eq!(endpoint.serve(Vec::new(), deadline).await, Err(DecodeError::Empty));
    assert_eq!(endpoint.serve(vec![99, 1], deadline).await, Err(DecodeError::NewerVersion(99)));
    let cut = wire::encode(&guest, CallKind::Command { attempt, key: None }, &codec::encode(&()));
    assert!(matches!(endpoint.serve(cut, deadline).await, Err(DecodeError::Malformed(_))));
    endpoint.set(ReplicaState::Closed);
    let result = group.send(&leader, &guest, attempt, 1).await;
    assert_eq!(result, Err(Unavailable::new(Why::NoLeader).into()));
}

/// Two callers add numbers while leaders are cut off: no call fails, and none is applied twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_succeed_during_failovers() {
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
                // A read is never older than an acknowledged write.
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
async fn followers_answer_nearby_queries_while_they_are_in_contact_with_their_leader() {
    let group = Group::new(Limits::default()).await;
    let guest = group.guest();
    assert_eq!(group.client().command::<Adder>(&guest, 5).await, Ok(5));
    let leader = group.leader().unwrap();
    let follower = group.replicas.keys().find(|node| **node != leader).unwrap();
    let ask = async |node: &str, query: Query| {
        let bytes = wire::encode(&guest, CallKind::Query, &codec::encode(&query));
        let answer = group.replicas[node].endpoint.serve(bytes, guest.deadline).await.unwrap();
        codec::decode::<SendResult>(&answer).unwrap()
    };
    // The follower gets the last commit index with the next heartbeat.
    while ask(follower, Query::Near).await != Ok(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(&leader, Query::Near).await, Ok(5));
    let elsewhere = Err(Unavailable::new(Why::Elsewhere(leader.clone())).into());
    assert_eq!(ask(follower, Query::Total).await, elsewhere, "only the leader answers this query");

    group.lose(Some(follower));
    tokio::time::sleep(Duration::from_millis(2300)).await;
    let silent = ask(follower, Query::Near).await;
    assert!(matches!(silent, Err(Failure::Unavailable(_))), "{silent:?}");
    assert_eq!(
        group.client().query::<Adder>(&guest, Query::Near).await,
        Ok(5),
        "the other replicas still answer"
    );
    group.lose(None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_on_another_node_returns_when_its_answer_is_final() {
    let group = Group::new(Limits::default()).await;
    let polling = tokio::spawn({
        let (client, guest) = (group.client(), group.guest());
        async move { client.query::<Adder>(&guest, Query::AtLeast(2)).await }
    });
    for _ in 0..2 {
        group.client().command::<Adder>(&group.guest(), 1).await.unwrap();
    }
    assert_eq!(polling.await.unwrap(), Ok(2));
    let soon = Call { deadline: Instant::now() + Duration::from_millis(300), ..group.guest() };
    assert_eq!(group.client().query::<Adder>(&soon, Query::AtLeast(3)).await, Ok(2), "the last answer");
}
