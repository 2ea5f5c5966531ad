//! Test state machine, and replicas that use it.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use consensus::testing::InMemoryNetwork;
use consensus::{
    ApplyResult, Entry, Network, Options, ProposeError, RaftNode, Replica, Settings, StateMachine,
};
use store::{Batch, Fault, LogSettings, Memory, MemoryLogStorage, NodeLog, Row, State};

pub const GROUP: &str = "test/0";
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Each payload is a key. Its value is the index of the last entry with that key. The payloads `panic` and `fault`
/// fail.
pub struct TestStateMachine {
    pub state: Arc<dyn State>,
    pub replaced: AtomicU64,
    pub batches: AtomicU64,
    pub applied: AtomicU64,
    pub awaited: AtomicU64,
}

impl TestStateMachine {
    pub fn new(state: Arc<dyn State>) -> Arc<Self> {
        Arc::new(Self { state, replaced: 0.into(), batches: 0.into(), applied: 0.into(), awaited: 0.into() })
    }
}

impl StateMachine for TestStateMachine {
    fn apply(&self, entries: Vec<Entry>, metadata: Vec<Row>) -> Result<Vec<Option<ApplyResult>>, Fault> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.applied.fetch_add(entries.len() as u64, Ordering::Relaxed);
        let mut batch = Batch::default();
        let mut results = Vec::new();
        for entry in entries {
            match &*entry.payload {
                b"panic" => panic!("simulated panic"),
                b"fault" => return Err(Fault::Io("simulated failure".to_owned())),
                key => {
                    self.awaited.fetch_add(entry.awaited.into(), Ordering::Relaxed);
                    results.push(entry.awaited.then(|| Box::new(entry.index) as ApplyResult));
                    batch.put(key.to_vec(), entry.index.to_be_bytes().to_vec());
                }
            }
        }
        metadata.into_iter().for_each(|(key, value)| batch.put(key, value));
        self.state.commit(batch)?;
        Ok(results)
    }

    fn replaced(&self) {
        self.replaced.fetch_add(1, Ordering::Relaxed);
    }
}

/// The disks of one node. [`Disks::crash`] returns what a power failure leaves.
#[derive(Clone)]
pub struct Disks {
    pub rows: Arc<MemoryLogStorage>,
    pub state: Arc<Memory>,
}

impl Disks {
    pub fn new() -> Self {
        Self { rows: Arc::new(MemoryLogStorage::new()), state: Arc::new(Memory::new()) }
    }

    pub fn crash(&self) -> Self {
        Self { rows: Arc::new(self.rows.crash()), state: Arc::new(self.state.crash()) }
    }
}

pub fn settings() -> Settings {
    Settings { heartbeat_ms: 50, flush_every_ms: 100, ..Settings::default() }
}

pub fn member(id: u64) -> RaftNode {
    RaftNode { node: format!("n{id}") }
}

pub fn members(ids: &[u64]) -> BTreeMap<u64, RaftNode> {
    ids.iter().map(|id| (*id, member(*id))).collect()
}

pub struct Node {
    pub replica: Replica,
    pub machine: Arc<TestStateMachine>,
    pub log: Arc<NodeLog>,
    pub disks: Disks,
}

pub async fn start(id: u64, disks: &Disks, settings: Settings, network: Arc<dyn Network>) -> Node {
    let log = NodeLog::with_storage(disks.rows.clone(), LogSettings::default()).unwrap();
    let machine = TestStateMachine::new(disks.state.clone());
    let options = Options { settings, ..Options::new(GROUP, id) };
    let replica = Replica::start(options, log.clone(), disks.state.clone(), machine.clone(), network)
        .await
        .expect("the replica starts");
    Node { replica, machine, log, disks: disks.clone() }
}

pub async fn join(network: &InMemoryNetwork, id: u64, disks: &Disks, settings: Settings) -> Node {
    let node = start(id, disks, settings, network.endpoint(id)).await;
    network.join(GROUP, id, node.replica.clone());
    node
}

/// Waits until one of `nodes` is the leader.
pub async fn leader<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> &'a Node {
    let nodes: Vec<&Node> = nodes.into_iter().collect();
    let until = tokio::time::Instant::now() + TIMEOUT;
    loop {
        if let Some(node) = nodes.iter().find(|node| node.replica.role().borrow().leader) {
            return node;
        }
        assert!(tokio::time::Instant::now() < until, "no leader was elected");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the replicated rows of all nodes are equal, and returns them.
pub async fn wait_for_equal_rows<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Vec<Row> {
    let nodes: Vec<&Node> = nodes.into_iter().collect();
    let until = tokio::time::Instant::now() + TIMEOUT;
    loop {
        let rows: Vec<Vec<Row>> = nodes.iter().map(|node| rows(&*node.disks.state)).collect();
        if rows.windows(2).all(|pair| pair[0] == pair[1]) {
            return rows.into_iter().next().unwrap();
        }
        assert!(tokio::time::Instant::now() < until, "the states stay different");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The replicated rows: all except those local to the replica.
pub fn rows(state: &dyn State) -> Vec<Row> {
    use std::ops::Bound;
    state.scan(Bound::Included(&[1]), Bound::Unbounded, usize::MAX, false).unwrap()
}

/// Proposes until a node accepts, like a client: the payload is the key, so repeating it is idempotent.
pub async fn propose_somewhere(nodes: &[&Node], payload: &str) {
    let until = tokio::time::Instant::now() + TIMEOUT;
    loop {
        for node in nodes {
            let proposal = node.replica.propose(payload.as_bytes().to_vec());
            if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(1), proposal).await {
                return;
            }
        }
        assert!(tokio::time::Instant::now() < until, "no node accepts {payload}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn is_not_leader(result: &Result<ApplyResult, ProposeError>) -> bool {
    matches!(result, Err(ProposeError::NotLeader { .. }))
}
