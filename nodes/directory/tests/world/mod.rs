//! A world for the steward: nodes that open and close replicas, and groups that behave as raft would have them. Whatever
//! would lose data or split a group panics.
#![allow(dead_code, unused_imports, unreachable_pub)]

mod fake;
mod fuse;

pub use fake::{World, profile};
pub use fuse::{Burn, Fuse, Fused};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use directory::{
    Answer, Bell, Command, Directory, Foundation, GROUP, GroupRecord, Hands, Home, MoveId, MoveRecord, Pace,
    Query, Refusal, Reply, ServiceSettings, Settings, Start, State, Steward,
};
use group::testing::Bench;
use protocol::Principal;

/// Somebody who may manage the cluster.
pub fn operator() -> Principal {
    Principal {
        subject: "usr_operator".to_owned(),
        scopes: vec!["cluster:manage".to_owned()],
        ..Principal::default()
    }
}

/// As the steward signs.
pub fn steward() -> Principal {
    Principal::service("node")
}

/// A pace at which tests are over soon.
pub fn pace() -> Pace {
    Pace {
        look_every: Duration::from_millis(4),
        breath: Duration::from_millis(1),
        poll: Duration::from_millis(1),
        retry: Duration::from_millis(5),
        settle: Duration::from_millis(20),
        gone_after: Duration::from_millis(25),
        give_up_after: Duration::from_millis(60),
        mention_after: Duration::from_millis(10),
        balance_after: Duration::ZERO,
        report_every: Duration::from_millis(2),
        ..Pace::default()
    }
}

/// A service with so many shards, of so many replicas.
pub fn service(shards: u16, replicas: u8) -> ServiceSettings {
    ServiceSettings { shards, replicas, ..ServiceSettings::default() }
}

/// Settings with these services.
pub fn settings(services: &[(&str, ServiceSettings)]) -> Settings {
    let services = services.iter().map(|(name, service)| ((*name).to_owned(), service.clone())).collect();
    Settings { bank: "sandbox".to_owned(), replace_after_secs: 300, services }
}

/// A cluster: records, and the world that they are about.
pub struct Cluster {
    pub bench: Arc<Bench<Directory>>,
    pub world: Arc<World>,
    pub bell: Bell,
}

impl Cluster {
    /// Founded on nodes `n1`, `n2`, … each in a zone of its own, and grown.
    pub async fn new(nodes: usize, services: &[(&str, ServiceSettings)]) -> Self {
        let cluster = Self::founded(nodes, services).await;
        cluster.until("grown", |state| cluster.is_quiet(state)).await;
        cluster
    }

    /// Founded, but nothing has grown.
    pub async fn founded(nodes: usize, services: &[(&str, ServiceSettings)]) -> Self {
        let bell = Bell::default();
        let bench = Arc::new(Bench::new(Directory::new(bell.clone())));
        let world = Arc::new(World::default());
        let names: Vec<String> = (1..=nodes).map(|number| format!("n{number}")).collect();
        for name in &names {
            world.add_node(name);
        }
        let replica = world.open("n1", GROUP, Start::Found).await.unwrap();
        let foundation = Foundation {
            name: "inn".to_owned(),
            epoch: 1,
            settings: settings(services),
            nodes: names.iter().map(|name| profile(name)).collect(),
            placed: [(GROUP.to_owned(), Home { node: "n1".to_owned(), replica })].into(),
        };
        let found = Command::Found(Box::new(foundation));
        assert_eq!(bench.command(&steward(), found), Ok(Reply::Done));
        Self { bench, world, bell }
    }

    /// A steward whose means may fail.
    pub fn steward(&self, fuse: &Arc<Fuse>) -> Steward {
        let fused = Arc::new(Fused::new(Arc::clone(&self.world), Arc::clone(&self.bench), Arc::clone(fuse)));
        Steward::new(fused.clone(), fused, self.bell.clone(), pace())
    }

    /// Lets a sound steward work until `then`, for some seconds at most.
    pub async fn until(&self, what: &str, then: impl Fn(&State) -> bool) {
        let steward = self.steward(&Fuse::never());
        let wait = async {
            while !then(&self.state()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let wait = tokio::time::timeout(Duration::from_secs(20), wait);
        let done = tokio::select! {
            () = steward.reign() => unreachable!("it reigns for ever"),
            done = wait => done.is_ok(),
        };
        assert!(done, "not {what}: {:#?}\n{:#?}", self.state(), self.world.observed());
        self.check();
    }

    /// Lets a sound steward work for so long.
    pub async fn work(&self, millis: u64) {
        let steward = self.steward(&Fuse::never());
        let _ = tokio::time::timeout(Duration::from_millis(millis), steward.reign()).await;
        self.check();
    }

    /// Nothing is broken.
    pub fn check(&self) {
        assert_eq!(self.bench.violations(), Vec::<String>::new());
        self.world.check();
    }

    /// Whether nothing is under way or to be done.
    pub fn is_quiet(&self, state: &State) -> bool {
        state.moves.is_empty()
            && state.groups.values().all(|group| !group.replicas.is_empty())
            && directory::plan::tend(state).is_empty()
            && self.world.strays(state).is_empty()
    }

    pub fn state(&self) -> State {
        match self.bench.query(&operator(), Query::State) {
            Ok(Answer::State(state)) => *state,
            other => panic!("{other:?}"),
        }
    }

    pub fn group(&self, group: &str) -> GroupRecord {
        self.state().groups.remove(group).unwrap()
    }

    /// The nodes that vote in a group.
    pub fn nodes_of(&self, group: &str) -> Vec<String> {
        self.group(group).voters().map(|replica| replica.home.node.clone()).collect()
    }

    /// A node that has none of a group.
    pub fn free_node(&self, group: &str) -> String {
        let taken = self.nodes_of(group);
        let state = self.state();
        let free = state.nodes.values().find(|node| node.up && !taken.contains(&node.profile.name));
        free.expect("a free node").profile.name.clone()
    }

    pub fn act(&self, command: Command) -> Result<Reply, Refusal> {
        self.bench.command(&operator(), command)
    }

    pub fn tell(&self, command: Command) -> Result<Reply, Refusal> {
        self.bench.command(&steward(), command)
    }

    /// Starts a move.
    pub fn start(&self, group: &str, from: Option<&str>, to: &str, leader_only: bool) -> MoveId {
        let (group, from, to) = (group.to_owned(), from.map(str::to_owned), to.to_owned());
        match self.act(Command::Move { group, from, to, leader_only }) {
            Ok(Reply::Move(record)) => record.id,
            other => panic!("{other:?}"),
        }
    }

    pub fn movement(&self, id: MoveId) -> MoveRecord {
        match self.bench.query(&operator(), Query::Move { id }) {
            Ok(Answer::Move(record)) => *record,
            other => panic!("{other:?}"),
        }
    }

    /// Moves by cause, newest first.
    pub fn moves(&self) -> Vec<MoveRecord> {
        match self.bench.query(&operator(), Query::Moves { before: None, active: false, limit: 100 }) {
            Ok(Answer::Moves { items, .. }) => items,
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
