//! A directory without nodes, at the service boundary.
#![allow(dead_code, unreachable_pub)]

use directory::{
    AdvanceMove, Answer, ClusterInit, Command, CreateMove, Directory, GROUP, GetMove, GetState, InitCluster,
    MoveId, MovePhase, MoveRecord, Query, RecordGroupBootstrapped, Refusal, Repair, ReplicaLocation, Reply,
    ServiceSettings, StartedMoves, State, Step,
};
use group::testing::Bench;

use crate::world::{operator, profile, reconciler, settings};

pub type DirectoryBench = Bench<Directory>;

pub fn cluster_init(nodes: usize, services: &[(&str, ServiceSettings)]) -> ClusterInit {
    ClusterInit {
        name: "inn".to_owned(),
        epoch: 1,
        settings: settings(services),
        nodes: (1..=nodes).map(|number| profile(&format!("n{number}"))).collect(),
        placed: [(GROUP.to_owned(), ReplicaLocation { node: "n1".to_owned(), replica: 1 })].into(),
    }
}

/// An initialized cluster whose groups each have one replica.
pub fn bootstrapped(nodes: usize, services: &[(&str, ServiceSettings)]) -> DirectoryBench {
    let bench = Bench::new(Directory::default());
    tell(&bench, InitCluster { cluster: Box::new(cluster_init(nodes, services)) }).unwrap();
    let mut replica = 100;
    for group in state(&bench).groups.into_values() {
        if let Some(node) = group.bootstrap_node {
            replica += 1;
            tell(&bench, RecordGroupBootstrapped { group: group.group, node, replica }).unwrap();
        }
    }
    bench
}

/// An initialized cluster whose groups have all their replicas.
pub fn grown(nodes: usize, services: &[(&str, ServiceSettings)]) -> DirectoryBench {
    let bench = bootstrapped(nodes, services);
    for record in started(tell(&bench, Repair)).1 {
        complete(&bench, record.id);
    }
    bench
}

pub fn tell(bench: &DirectoryBench, command: impl Into<Command>) -> Result<Reply, Refusal> {
    let reply = bench.command(&reconciler(), command.into());
    assert_eq!(bench.violations(), Vec::<String>::new());
    reply
}

pub fn act(bench: &DirectoryBench, command: impl Into<Command>) -> Result<Reply, Refusal> {
    let before = bench.rows();
    let reply = bench.command(&operator(), command.into());
    assert_eq!(bench.violations(), Vec::<String>::new());
    if reply.is_err() {
        let kernel =
            |rows: Vec<store::Row>| rows.into_iter().filter(|(key, _)| key[0] >= 32).collect::<Vec<_>>();
        assert_eq!(kernel(bench.rows()), kernel(before), "a refusal writes nothing");
    }
    reply
}

pub fn state(bench: &DirectoryBench) -> State {
    match bench.query(&operator(), Query::from(GetState)) {
        Ok(Answer::State(state)) => *state,
        other => panic!("{other:?}"),
    }
}

pub fn started(reply: Result<Reply, Refusal>) -> (directory::Plan, Vec<MoveRecord>) {
    match reply {
        Ok(Reply::Started(StartedMoves { plan, moves })) => (plan, moves),
        other => panic!("{other:?}"),
    }
}

pub fn advance(bench: &DirectoryBench, id: MoveId, phase: MovePhase, step: Step) -> Result<Reply, Refusal> {
    tell(bench, AdvanceMove { id, phase, step })
}

pub fn move_record(bench: &DirectoryBench, id: MoveId) -> MoveRecord {
    match bench.query(&operator(), Query::from(GetMove { id })) {
        Ok(Answer::Move(record)) => *record,
        other => panic!("{other:?}"),
    }
}

/// Applies all remaining steps of a move.
pub fn complete(bench: &DirectoryBench, id: MoveId) {
    loop {
        let record = move_record(bench, id);
        let step = match record.phase {
            MovePhase::Adding => {
                let open = record.add.iter().enumerate().find(|(_, target)| target.replica.is_none());
                match open {
                    Some((at, target)) => {
                        let replica = 1000 + id.0 * 10 + at as u64;
                        Step::Opened { node: target.node.clone(), replica }
                    }
                    None => Step::Added,
                }
            }
            MovePhase::CatchingUp => Step::CaughtUp,
            MovePhase::Switching => Step::Switched,
            MovePhase::Removing => Step::Removed,
            MovePhase::Done | MovePhase::Failed | MovePhase::Cancelled => return,
        };
        advance(bench, id, record.phase, step).unwrap();
    }
}

pub fn nodes_of(bench: &DirectoryBench, group: &str) -> Vec<String> {
    state(bench).groups[group].voters().map(|replica| replica.location.node.clone()).collect()
}

pub fn relocation(group: &str, from: Option<&str>, to: &str, leader_only: bool) -> CreateMove {
    CreateMove { group: group.to_owned(), from: from.map(str::to_owned), to: to.to_owned(), leader_only }
}

pub fn moved(reply: Result<Reply, Refusal>) -> MoveRecord {
    match reply {
        Ok(Reply::Move(record)) => *record,
        other => panic!("{other:?}"),
    }
}

pub fn name(text: &str) -> String {
    text.to_owned()
}
