//! Simulated nodes for the reconciler, with groups that follow the rules of Raft. Whatever
//! would lose data or split a group panics.
#![allow(dead_code, unused_imports, unreachable_pub)]

mod fake;
mod faults;

pub use fake::{World, profile};
pub use faults::{ActionLimit, LimitedClient, StopAt};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use directory::{
    Answer, ChangeNotifier, ClusterInit, Command, CreateMove, Directory, GROUP, GetMove, GetState,
    GroupRecord, InitCluster, ListMoves, MoveId, MovePage, MoveRecord, NodeClient, Query, Reconciler,
    ReconcilerOptions, Refusal, ReplicaLocation, Reply, ServiceSettings, Settings, State,
};
use group::StartMode;
use group::testing::Bench;
use protocol::Principal;

/// An operator with the scope `cluster:manage`.
pub fn operator() -> Principal {
    Principal {
        subject: "usr_operator".to_owned(),
        scopes: vec!["cluster:manage".to_owned()],
        ..Principal::default()
    }
}

/// The principal of the reconciler.
pub fn reconciler() -> Principal {
    Principal::service("node")
}

/// Options with short intervals, for fast tests.
pub fn options() -> ReconcilerOptions {
    ReconcilerOptions {
        resync_every: Duration::from_millis(4),
        min_interval: Duration::from_millis(1),
        poll_every: Duration::from_millis(1),
        retry_after: Duration::from_millis(5),
        settle_after: Duration::from_millis(20),
        lost_after: Duration::from_millis(25),
        fail_after: Duration::from_millis(60),
        report_waiting_after: Duration::from_millis(10),
        rebalance_after: Duration::ZERO,
        report_every: Duration::from_millis(2),
        ..ReconcilerOptions::default()
    }
}

/// Settings of a service.
pub fn service(shards: u16, replicas: u8) -> ServiceSettings {
    ServiceSettings { shards, replicas, ..ServiceSettings::default() }
}

/// Settings with these services.
pub fn settings(services: &[(&str, ServiceSettings)]) -> Settings {
    let services = services.iter().map(|(name, service)| ((*name).to_owned(), service.clone())).collect();
    Settings { bank: "sandbox".to_owned(), replace_after_secs: 300, services }
}

/// A cluster: the directory, and the simulated nodes.
pub struct Cluster {
    pub bench: Arc<Bench<Directory>>,
    pub world: Arc<World>,
    pub changes: ChangeNotifier,
}

impl Cluster {
    /// Initialized on nodes `n1`, `n2`, …, each in its own zone, after its groups have grown.
    pub async fn new(nodes: usize, services: &[(&str, ServiceSettings)]) -> Self {
        let cluster = Self::initialized(nodes, services).await;
        cluster.until("grown", |state| cluster.is_quiet(state)).await;
        cluster
    }

    /// Initialized; its groups have not grown yet.
    pub async fn initialized(nodes: usize, services: &[(&str, ServiceSettings)]) -> Self {
        let changes = ChangeNotifier::default();
        let bench = Arc::new(Bench::new(Directory::new(changes.clone())));
        let world = Arc::new(World::default());
        let names: Vec<String> = (1..=nodes).map(|number| format!("n{number}")).collect();
        for name in &names {
            world.add_node(name);
        }
        let replica = world.open("n1", GROUP, StartMode::Bootstrap).await.unwrap();
        let cluster_init = ClusterInit {
            name: "inn".to_owned(),
            epoch: 1,
            settings: settings(services),
            nodes: names.iter().map(|name| profile(name)).collect(),
            placed: [(GROUP.to_owned(), ReplicaLocation { node: "n1".to_owned(), replica })].into(),
        };
        let command = InitCluster { cluster: Box::new(cluster_init) };
        assert_eq!(bench.command(&reconciler(), command.into()), Ok(Reply::Done(())));
        Self { bench, world, changes }
    }

    /// A reconciler with an action limit.
    pub fn reconciler(&self, limit: &Arc<ActionLimit>) -> Reconciler {
        let limited =
            Arc::new(LimitedClient::new(Arc::clone(&self.world), Arc::clone(&self.bench), Arc::clone(limit)));
        Reconciler::new(limited.clone(), limited, self.changes.clone(), options())
    }

    /// Runs a reconciler without a limit until `then`, for some seconds at most.
    pub async fn until(&self, what: &str, then: impl Fn(&State) -> bool) {
        let reconciler = self.reconciler(&ActionLimit::never());
        let wait = async {
            while !then(&self.state()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let wait = tokio::time::timeout(Duration::from_secs(20), wait);
        let done = tokio::select! {
            () = reconciler.run_term() => unreachable!("it runs forever"),
            done = wait => done.is_ok(),
        };
        assert!(done, "not {what}: {:#?}\n{:#?}", self.state(), self.world.observed());
        self.check();
    }

    /// Runs a reconciler without a limit for this long.
    pub async fn work(&self, millis: u64) {
        let reconciler = self.reconciler(&ActionLimit::never());
        let _ = tokio::time::timeout(Duration::from_millis(millis), reconciler.run_term()).await;
        self.check();
    }

    /// Checks all invariants.
    pub fn check(&self) {
        assert_eq!(self.bench.violations(), Vec::<String>::new());
        self.world.check();
    }

    /// Whether there are no active moves and nothing to repair.
    pub fn is_quiet(&self, state: &State) -> bool {
        state.moves.is_empty()
            && state.groups.values().all(|group| !group.replicas.is_empty())
            && directory::plan::repair(state).is_empty()
            && self.world.strays(state).is_empty()
    }

    pub fn state(&self) -> State {
        match self.bench.query(&operator(), Query::from(GetState)) {
            Ok(Answer::State(state)) => *state,
            other => panic!("{other:?}"),
        }
    }

    pub fn group(&self, group: &str) -> GroupRecord {
        self.state().groups.remove(group).unwrap()
    }

    /// The nodes that vote in a group.
    pub fn nodes_of(&self, group: &str) -> Vec<String> {
        self.group(group).voters().map(|replica| replica.location.node.clone()).collect()
    }

    /// A node without a replica of a group.
    pub fn free_node(&self, group: &str) -> String {
        let taken = self.nodes_of(group);
        let state = self.state();
        let free = state.nodes.values().find(|node| node.up && !taken.contains(&node.profile.name));
        free.expect("a free node").profile.name.clone()
    }

    pub fn act(&self, command: impl Into<Command>) -> Result<Reply, Refusal> {
        self.bench.command(&operator(), command.into())
    }

    pub fn tell(&self, command: impl Into<Command>) -> Result<Reply, Refusal> {
        self.bench.command(&reconciler(), command.into())
    }

    /// Starts a move.
    pub fn start(&self, group: &str, from: Option<&str>, to: &str, leader_only: bool) -> MoveId {
        let (group, from, to) = (group.to_owned(), from.map(str::to_owned), to.to_owned());
        match self.act(CreateMove { group, from, to, leader_only }) {
            Ok(Reply::Move(record)) => record.id,
            other => panic!("{other:?}"),
        }
    }

    pub fn move_record(&self, id: MoveId) -> MoveRecord {
        match self.bench.query(&operator(), Query::from(GetMove { id })) {
            Ok(Answer::Move(record)) => *record,
            other => panic!("{other:?}"),
        }
    }

    /// Moves by cause, newest first.
    pub fn moves(&self) -> Vec<MoveRecord> {
        match self
            .bench
            .query(&operator(), Query::from(ListMoves { before: None, active: false, limit: 100 }))
        {
            Ok(Answer::Moves(MovePage { items, .. })) => items,
            other => panic!("{other:?}"),
        }
    }

    /// How many groups each node leads.
    pub fn leaders(&self) -> BTreeMap<String, usize> {
        let observed = self.world.observed();
        let mut led = BTreeMap::new();
        for group in self.state().groups.keys() {
            if let Some((node, _)) = observed.leader(group) {
                *led.entry(node.to_owned()).or_default() += 1;
            }
        }
        led
    }
}
