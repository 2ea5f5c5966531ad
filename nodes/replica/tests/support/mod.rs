//! Nodes of a cluster in one process, over real links on loopback, with a small service whose mistakes would show.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{Access, Contract, Principal, Reach, Route, Timestamp};
use futures::future::BoxFuture;
use group::{Call, Client, Credentials, Failure, NoEffects, Service, Tree, Turn, Unavailable, View};
use link::{Link, Seed};
use replica::{GroupStatus, Limits, Moment, MomentError, Node, NodeOptions, Profile, Start, Task, TaskDone};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use token::{AUDIENCE, Claims, ClusterKey, PublicKeys, SigningKey, Verifier};

const ISSUER: &str = "http://inn.example";
pub const GROUP: &str = "tally/0";
/// Nothing here takes this long, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(30);

// ---- a tally: how often each number was put into it

pub struct TallyContract;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Put {
    /// Counts a number.
    One(u64),
    /// Adds so many bytes to the state, at once.
    Ballast(u64, u32),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    All,
    Nearby,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("never")]
pub struct Never;

impl Contract for TallyContract {
    const SERVICE: &'static str = "tally";
    type Command = Put;
    type Reply = u64;
    type Refusal = Never;
    type Query = Ask;
    type Answer = BTreeMap<u64, u64>;

    fn route_command(_: &Put) -> Route {
        Route::SINGLE
    }
    fn route_query(_: &Ask) -> Route {
        Route::SINGLE
    }
    fn query_reach(query: &Ask) -> Reach {
        match query {
            Ask::All => Reach::Leader,
            Ask::Nearby => Reach::Nearby,
        }
    }
    fn command_access(_: &Put) -> Access {
        Access::scopes(&["tally:write"])
    }
    fn query_access(_: &Ask) -> Access {
        Access::ANYONE
    }
}

pub const COUNTS: Tree<u64, u64> = Tree::new(32, "counts");
const BALLAST: Tree<u64, Vec<u8>> = Tree::new(33, "ballast");

/// Remembers the total in memory as well: a snapshot that did not reach it would show.
#[derive(Default)]
pub struct Tally {
    total: std::sync::Mutex<u64>,
}

impl Service for Tally {
    type Contract = TallyContract;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, put: Put) -> Result<u64, Never> {
        match put {
            Put::One(number) => {
                let count = turn.get(&COUNTS, &number).unwrap_or_default() + 1;
                turn.put(&COUNTS, &number, &count);
                turn.note(());
                Ok(count)
            }
            Put::Ballast(number, bytes) => {
                turn.put(&BALLAST, &number, &vec![number as u8; bytes as usize]);
                Ok(0)
            }
        }
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, _: &Principal, _: Ask) -> Result<BTreeMap<u64, u64>, Never> {
        Ok(view.all(&COUNTS).collect())
    }

    fn opened(&self, view: &View<'_>) {
        *self.total.lock().unwrap() = view.all(&COUNTS).map(|(_, count)| count).sum();
    }

    fn landed(&self, notes: Vec<()>) {
        *self.total.lock().unwrap() += notes.len() as u64;
    }

    fn breaches(&self, view: &View<'_>) -> Vec<String> {
        let counted: u64 = view.all(&COUNTS).map(|(_, count)| count).sum();
        let total = *self.total.lock().unwrap();
        if counted == total { Vec::new() } else { vec![format!("{counted} counted, {total} remembered")] }
    }
}

// ---- keys

pub struct Keys {
    pub cluster: ClusterKey,
    signing: SigningKey,
}

impl Keys {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { cluster: ClusterKey::random(), signing: SigningKey::generate() })
    }

    fn verifier(&self) -> Arc<Verifier> {
        let verifier = Verifier::new(ISSUER, &self.cluster);
        verifier.replace_keys(PublicKeys::from_paserk([self.signing.public().paserk()]));
        Arc::new(verifier)
    }

    pub fn sign(&self, subject: &str, scope: &str) -> String {
        let now = Timestamp::wall_clock();
        self.signing.sign(&Claims {
            issuer: ISSUER.into(),
            subject: subject.into(),
            audience: AUDIENCE.into(),
            issued_at: now,
            not_before: now,
            expires_at: now.plus_secs(600),
            token_id: format!("{now:?}"),
            client_id: subject.into(),
            scope: scope.into(),
            on_behalf_of: None,
            hotels: Vec::new(),
            epoch: 0,
            family: None,
        })
    }
}

/// Signs for services; a node may be given another name to sign with than the one that is asked for.
struct Signer(Arc<Keys>);

impl Credentials for Signer {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        Box::pin(async move { Ok(self.0.sign(&format!("svc:{service}"), "").into()) })
    }
}

// ---- nodes

pub struct Member {
    pub name: String,
    pub data: TempDir,
    pub node: Arc<Node>,
    pub link: Link,
    pub client: Client,
    log: Arc<store::NodeLog>,
}

pub struct Inn {
    pub keys: Arc<Keys>,
    pub limits: Limits,
    seeds: Vec<Seed>,
}

impl Inn {
    pub fn new() -> Self {
        Self { keys: Keys::new(), limits: Limits::default(), seeds: Vec::new() }
    }

    /// Starts a node on a directory of its own, or on one that was there before.
    pub async fn start(&mut self, name: &str, data: Option<TempDir>) -> Member {
        let data = data.unwrap_or_else(|| tempfile::tempdir().unwrap());
        let log = open_log(data.path());
        let node = Node::new(NodeOptions {
            data: data.path().to_owned(),
            log: Arc::clone(&log),
            verifier: self.keys.verifier(),
            network: Arc::new(consensus::Alone),
            limits: self.limits.clone(),
            epoch: 1,
            cache_bytes: 4 << 20,
            drop_unsynced: false,
        });
        node.set_credentials(Arc::new(Signer(Arc::clone(&self.keys))));
        node.register::<Tally, NoEffects>(1, Tally::default, |_| NoEffects);
        let known = self.seeds.iter().find(|seed| seed.name.as_deref() == Some(name));
        let listen = known.map_or_else(|| ([127, 0, 0, 1], 0).into(), |seed| seed.address.parse().unwrap());
        let options = link::Options {
            cluster: "inn".to_owned(),
            node: name.to_owned(),
            node_id: name.bytes().fold(0, |id, byte| id * 256 + u64::from(byte)),
            listen,
            advertise: None,
            seeds: self.seeds.clone(),
            tls: None,
            insecure: true,
            denied: Vec::new(),
            limits: link::Limits::default(),
        };
        let link = Link::start(options, node.handler()).await.unwrap();
        if known.is_none() {
            self.seeds.push(Seed::from((name, link.address())));
        }
        node.connect(
            link.clone(),
            Profile { zone: name.to_owned(), ..Profile::default() },
            self.keys.cluster.clone(),
        );
        Member { name: name.to_owned(), data, client: node.client(), node, link, log }
    }

    /// Three nodes that know each other.
    pub async fn three(&mut self) -> Vec<Member> {
        let mut members = Vec::new();
        for name in ["n1", "n2", "n3"] {
            members.push(self.start(name, None).await);
        }
        for member in &members {
            for other in &members {
                until("sessions", || {
                    other.name == member.name || member.node.board().borrow().is_live(&other.name)
                })
                .await;
            }
        }
        members
    }

    pub fn call(&self, timeout: Duration) -> Call {
        Call::bearer(self.keys.sign("usr_1", "tally:write"), timeout)
    }
}

fn open_log(data: &Path) -> Arc<store::NodeLog> {
    store::NodeLog::open(&data.join("log"), store::LogSettings::default()).unwrap()
}

impl Member {
    /// Ends this node as a killed process would: nobody is told.
    pub async fn kill(self) -> TempDir {
        self.link.shutdown().await;
        self.end().await
    }

    /// Ends this node in good order.
    pub async fn stop(self) -> TempDir {
        self.node.shutdown().await;
        self.link.shutdown().await;
        self.end().await
    }

    async fn end(self) -> TempDir {
        self.node.shutdown().await;
        self.log.close();
        self.data
    }

    pub fn status(&self) -> GroupStatus {
        self.node.status().into_iter().find(|status| status.group == GROUP).unwrap_or_default()
    }

    pub async fn task(&self, node: &str, task: Task) -> TaskDone {
        self.node.task(node, task, LONG).await.unwrap()
    }

    pub async fn put(&self, call: &Call, number: u64) -> Result<u64, Failure<Never>> {
        self.client.command::<TallyContract>(call, Put::One(number)).await
    }

    pub async fn all(&self) -> BTreeMap<u64, u64> {
        self.client.query::<TallyContract>(&Call::anonymous(LONG), Ask::All).await.unwrap()
    }

    pub fn files(&self) -> bool {
        self.data.path().join("groups/tally-0").exists()
    }
}

/// Makes `tally/0` a group of three: as the directory would, from one node.
pub async fn found(members: &[Member]) -> Vec<u64> {
    let first = &members[0];
    let open = |start| Task::Open { group: GROUP.into(), start };
    let mut ids = vec![first.task("n1", open(Start::Found)).await.id.unwrap()];
    for member in &members[1..] {
        ids.push(first.task(&member.name, open(Start::Join)).await.id.unwrap());
    }
    until("a leader", || first.node.leader_of(GROUP).is_some()).await;
    for (member, id) in members.iter().zip(&ids).skip(1) {
        let task = Task::AddLearner { group: GROUP.into(), id: *id, node: member.name.clone() };
        first.node.task_at_leader(task, LONG).await.unwrap();
    }
    until("learners to catch up", || {
        let status = first.status();
        ids[1..].iter().all(|id| status.lag_of(*id) == Some(0))
    })
    .await;
    let change = Task::ChangeVoters { group: GROUP.into(), ids: ids.iter().copied().collect() };
    let done = first.node.task_at_leader(change.clone(), LONG).await.unwrap();
    let status = done.status.unwrap();
    assert_eq!((status.voters.len(), status.learners.len(), status.joint), (3, 0, false));
    first.node.task_at_leader(change, LONG).await.unwrap();
    ids
}

pub fn leader<'a>(members: impl IntoIterator<Item = &'a Member>) -> Option<&'a Member> {
    members.into_iter().find(|member| member.status().leader)
}

/// Waits for something that must come true.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LONG, "no {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Puts one number after the other until told to stop; says how long it took between two answers at most, and how
/// many numbers were acknowledged, all of them from `first` on.
pub fn writer(
    client: Client,
    call: impl Fn() -> Call + Send + 'static,
    first: u64,
    stop: Arc<std::sync::atomic::AtomicBool>,
) -> tokio::task::JoinHandle<(u64, Duration)> {
    tokio::spawn(async move {
        let (mut number, mut longest) = (first, Duration::ZERO);
        let mut answered = Instant::now();
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            let count = client.command::<TallyContract>(&call(), Put::One(number)).await;
            assert_eq!(count, Ok(1), "{number}");
            longest = longest.max(answered.elapsed());
            answered = Instant::now();
            number += 1;
        }
        (number - first, longest)
    })
}

/// Reads a group's pinned state to its end.
pub async fn pinned(moment: &Moment, group: &str) -> Result<Vec<u8>, MomentError> {
    let mut rows = Vec::new();
    loop {
        let part = moment.read(group, rows.len() as u64).await?;
        if part.is_empty() {
            return Ok(rows);
        }
        rows.extend(part);
    }
}
