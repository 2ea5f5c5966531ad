//! A directory at the command boundary, with nobody else.
#![allow(dead_code, unreachable_pub)]

use directory::{
    Answer, Command, Directory, Foundation, GROUP, Home, MoveId, MoveRecord, Phase, Query, Refusal, Reply,
    ServiceSettings, State, Step,
};
use group::testing::Bench;

use crate::world::{operator, profile, settings, steward};

pub type Room = Bench<Directory>;

pub fn foundation(nodes: usize, services: &[(&str, ServiceSettings)]) -> Foundation {
    Foundation {
        name: "inn".to_owned(),
        epoch: 1,
        settings: settings(services),
        nodes: (1..=nodes).map(|number| profile(&format!("n{number}"))).collect(),
        placed: [(GROUP.to_owned(), Home { node: "n1".to_owned(), replica: 1 })].into(),
    }
}

/// A cluster whose groups are founded, each under an id of its own.
pub fn founded(nodes: usize, services: &[(&str, ServiceSettings)]) -> Room {
    let room = Bench::new(Directory::default());
    tell(&room, Command::Found(Box::new(foundation(nodes, services)))).unwrap();
    let mut replica = 100;
    for group in state(&room).groups.into_values() {
        if let Some(node) = group.founder {
            replica += 1;
            tell(&room, Command::Placed { group: group.group, node, replica }).unwrap();
        }
    }
    room
}

/// And every group has grown.
pub fn grown(nodes: usize, services: &[(&str, ServiceSettings)]) -> Room {
    let room = founded(nodes, services);
    for record in started(tell(&room, Command::Tend)).1 {
        complete(&room, record.id);
    }
    room
}

pub fn tell(room: &Room, command: Command) -> Result<Reply, Refusal> {
    let reply = room.command(&steward(), command);
    assert_eq!(room.violations(), Vec::<String>::new());
    reply
}

pub fn act(room: &Room, command: Command) -> Result<Reply, Refusal> {
    let before = room.rows();
    let reply = room.command(&operator(), command);
    assert_eq!(room.violations(), Vec::<String>::new());
    if reply.is_err() {
        let kernel =
            |rows: Vec<store::Row>| rows.into_iter().filter(|(key, _)| key[0] >= 32).collect::<Vec<_>>();
        assert_eq!(kernel(room.rows()), kernel(before), "a refusal writes nothing");
    }
    reply
}

pub fn state(room: &Room) -> State {
    match room.query(&operator(), Query::State) {
        Ok(Answer::State(state)) => *state,
        other => panic!("{other:?}"),
    }
}

pub fn started(reply: Result<Reply, Refusal>) -> (directory::Plan, Vec<MoveRecord>) {
    match reply {
        Ok(Reply::Started { plan, moves }) => (*plan, moves),
        other => panic!("{other:?}"),
    }
}

pub fn advance(room: &Room, id: MoveId, phase: Phase, step: Step) -> Result<Reply, Refusal> {
    tell(room, Command::Advance { id, phase, step })
}

pub fn movement(room: &Room, id: MoveId) -> MoveRecord {
    match room.query(&operator(), Query::Move { id }) {
        Ok(Answer::Move(record)) => *record,
        other => panic!("{other:?}"),
    }
}

/// All steps of a move that are left.
pub fn complete(room: &Room, id: MoveId) {
    loop {
        let record = movement(room, id);
        let step = match record.phase {
            Phase::Adding => {
                let open = record.add.iter().enumerate().find(|(_, joining)| joining.replica.is_none());
                match open {
                    Some((at, joining)) => {
                        let replica = 1000 + id.0 * 10 + at as u64;
                        Step::Opened { node: joining.node.clone(), replica }
                    }
                    None => Step::Added,
                }
            }
            Phase::CatchingUp => Step::CaughtUp,
            Phase::Switching => Step::Switched,
            Phase::Removing => Step::Removed,
            Phase::Done | Phase::Failed | Phase::Cancelled => return,
        };
        advance(room, id, record.phase, step).unwrap();
    }
}

pub fn nodes_of(room: &Room, group: &str) -> Vec<String> {
    state(room).groups[group].voters().map(|replica| replica.home.node.clone()).collect()
}

pub fn relocation(group: &str, from: Option<&str>, to: &str, leader_only: bool) -> Command {
    Command::Move { group: group.to_owned(), from: from.map(str::to_owned), to: to.to_owned(), leader_only }
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
