//! Several nodes in one process, connected over loopback, with a small service that detects lost and repeated commands.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of this module")]

mod keys;
mod tally;
pub mod till;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use group::{Call, Client, Failure, NoEffects};
use link::{Handler, Identity, Link, Seed};
use replica::{
    ClusterSnapshot, Limits, Node, NodeInfo, ReplicaStatus, SnapshotError, StartMode, Task, TaskOutput,
};
use tempfile::TempDir;

pub use keys::Keys;
pub use tally::{COUNTS, Get, Never, Put, Tally, TallyContract};

pub const GROUP: &str = "tally/0";
/// A timeout that is never reached, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(30);

pub struct TestNode {
    pub name: String,
    pub data: TempDir,
    pub node: Arc<Node>,
    pub link: Link,
    pub client: Client,
    /// While set, the node rejects the steps of cluster snapshots.
    pub unresponsive: Arc<AtomicBool>,
    log: Arc<store::NodeLog>,
}

struct TestHandler {
    node: Arc<dyn Handler>,
    unresponsive: Arc<AtomicBool>,
}

impl Handler for TestHandler {
    fn handle<'a>(
        &'a self,
        from: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        if topic == "cluster-snapshot" && self.unresponsive.load(Ordering::Relaxed) {
            return Box::pin(async { Err("unresponsive".to_owned()) });
        }
        self.node.handle(from, topic, bytes, deadline)
    }
}

pub struct TestCluster {
    pub keys: Arc<Keys>,
    pub limits: Limits,
    seeds: Vec<Seed>,
}

impl TestCluster {
    pub fn new() -> Self {
        Self { keys: Keys::new(), limits: Limits::default(), seeds: Vec::new() }
    }

    /// Starts a node on a new data directory, or on the one of an earlier node.
    pub async fn start(&mut self, name: &str, data: Option<TempDir>) -> TestNode {
        let data = data.unwrap_or_else(|| tempfile::tempdir().unwrap());
        let (node, log) = self.keys.node(data.path(), self.limits.clone());
        node.register::<Tally, NoEffects>(1, Tally::default, |_| NoEffects);
        let known = self.seeds.iter().find(|seed| seed.name.as_deref() == Some(name));
        let listen = known.map_or_else(|| ([127, 0, 0, 1], 0).into(), |seed| seed.address.parse().unwrap());
        let options = link::Options {
            cluster: "cluster".to_owned(),
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
        let unresponsive = Arc::new(AtomicBool::new(false));
        let handler = TestHandler { node: node.handler(), unresponsive: Arc::clone(&unresponsive) };
        let link = Link::start(options, Arc::new(handler)).await.unwrap();
        if known.is_none() {
            self.seeds.push(Seed::from((name, link.address())));
        }
        node.connect(
            link.clone(),
            NodeInfo { zone: name.to_owned(), ..NodeInfo::default() },
            self.keys.cluster.clone(),
        );
        TestNode { name: name.to_owned(), data, client: node.client(), node, link, unresponsive, log }
    }

    /// Three nodes that are connected with each other.
    pub async fn three(&mut self) -> Vec<TestNode> {
        let mut members = Vec::new();
        for name in ["n1", "n2", "n3"] {
            members.push(self.start(name, None).await);
        }
        for member in &members {
            for other in &members {
                until("sessions", || {
                    other.name == member.name || member.node.cluster_view().borrow().is_live(&other.name)
                })
                .await;
            }
        }
        members
    }

    pub fn call(&self, timeout: Duration) -> Call {
        self.keys.call("usr_1", "tally:write", timeout)
    }
}

impl TestNode {
    /// Stops this node like a killed process: its sessions are lost first.
    pub async fn kill(self) -> TempDir {
        self.link.shutdown().await;
        self.end().await
    }

    /// Stops this node gracefully.
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

    pub fn status(&self) -> ReplicaStatus {
        self.node.status().into_iter().find(|status| status.group == GROUP).unwrap_or_default()
    }

    pub async fn task(&self, node: &str, task: Task) -> TaskOutput {
        self.node.task(node, task, LONG).await.unwrap()
    }

    pub async fn put(&self, call: &Call, number: u64) -> Result<u64, Failure<Never>> {
        self.client.command::<TallyContract>(call, Put::One(number)).await
    }

    pub async fn all(&self) -> BTreeMap<u64, u64> {
        self.client.query::<TallyContract>(&Call::anonymous(LONG), Get::All).await.unwrap()
    }

    pub fn files(&self) -> bool {
        self.data.path().join("groups/tally-0").exists()
    }
}

/// Creates the group `tally/0` with three voters, as the directory does. Returns their raft ids.
pub async fn bootstrap_group(members: &[TestNode]) -> Vec<u64> {
    let first = &members[0];
    let open = |start| Task::OpenReplica { group: GROUP.into(), start };
    let mut ids = vec![first.task("n1", open(StartMode::Bootstrap)).await.id.unwrap()];
    for member in &members[1..] {
        ids.push(first.task(&member.name, open(StartMode::Join)).await.id.unwrap());
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
    let change = change_voters([ids[0]].as_slice(), ids.iter().copied());
    let done = first.node.task_at_leader(change.clone(), LONG).await.unwrap();
    let status = done.status.unwrap();
    assert_eq!((status.voters.len(), status.learners.len(), status.joint), (3, 0, false));
    first.node.task_at_leader(change, LONG).await.unwrap();
    ids
}

pub fn change_voters(from: &[u64], to: impl IntoIterator<Item = u64>) -> Task {
    let from = from.iter().copied().collect();
    Task::ChangeVoters { group: GROUP.into(), from, ids: to.into_iter().collect() }
}

pub fn leader<'a>(members: impl IntoIterator<Item = &'a TestNode>) -> Option<&'a TestNode> {
    members.into_iter().find(|member| member.status().leader)
}

/// Waits for a condition that must become true.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LONG, "no {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Puts one number after the other, from `first` on, until `stop` is set. Returns how many were acknowledged, and the
/// longest time between two replies.
pub fn writer(
    client: Client,
    call: impl Fn() -> Call + Send + 'static,
    first: u64,
    stop: Arc<AtomicBool>,
) -> tokio::task::JoinHandle<(u64, Duration)> {
    tokio::spawn(async move {
        let (mut number, mut longest) = (first, Duration::ZERO);
        let mut answered = Instant::now();
        while !stop.load(Ordering::Relaxed) {
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
pub async fn pinned(snapshot: &ClusterSnapshot, group: &str) -> Result<Vec<u8>, SnapshotError> {
    let mut rows = Vec::new();
    loop {
        let part = snapshot.read(group, rows.len() as u64).await?;
        if part.is_empty() {
            return Ok(rows);
        }
        rows.extend(part);
    }
}
