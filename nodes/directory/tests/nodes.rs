//! Commands about nodes: identity, draining, decommissioning.

mod bench;
mod world;

use bench::{act, complete, grown, move_record, name, nodes_of, relocation, started, state, tell};
use directory::{
    Answer, CheckSafeToStop, Command, DecommissionNode, DrainNode, Lifecycle, MoveCause, MovePhase,
    NodeProfile, NodeState, Query, RecordNodeDown, RecordNodeDrained, RecordNodeUp, RecordReplicaLost,
    RecordReplicaReturned, Refusal, Repair, Reply, UncordonNode,
};
use world::{operator, profile, service};

#[test]
fn a_node_is_identified_by_its_id_and_its_name_can_be_reused_after_decommissioning() {
    let bench = grown(3, &[("s", service(1, 3))]);
    let seen = |profile: NodeProfile| tell(&bench, RecordNodeUp { profile: Box::new(profile) });
    let other = NodeProfile { node_id: 42, ..profile("n1") };
    assert_eq!(seen(other.clone()), Err(Refusal::WrongIdentity { node: name("n1") }));
    assert!(seen(NodeProfile { fingerprint: name("FP:renewed"), ..profile("n2") }).is_ok());
    tell(&bench, RecordNodeDown { node: name("n2") }).unwrap();
    assert_eq!(state(&bench).nodes["n2"].state(), NodeState::Down);
    assert_eq!(
        tell(&bench, RecordNodeDown { node: name("n9") }),
        Err(Refusal::NoSuchNode { node: name("n9") })
    );
    let gone = |replica| RecordReplicaLost { group: name("s/0"), node: name("n2"), replica };
    assert_eq!(tell(&bench, gone(1)), Err(Refusal::NodeDown { node: name("n2") }));
    seen(profile("n2")).unwrap();
    assert_eq!(tell(&bench, gone(1)), Err(Refusal::NotThere { group: name("s/0"), node: name("n2") }));
    let location = state(&bench).groups["s/0"]
        .replicas
        .iter()
        .find(|r| r.location.node == "n2")
        .unwrap()
        .location
        .clone();
    assert_eq!(tell(&bench, gone(location.replica)), Ok(Reply::Done(())));
    let (plan, _) = started(tell(&bench, Repair));
    assert_eq!((plan.moves[0].to[0].as_str(), plan.moves[0].cause), ("n2", MoveCause::Repair));
    let back = RecordReplicaReturned { group: name("s/0"), node: name("n2"), replica: location.replica };
    assert_eq!(tell(&bench, back), Ok(Reply::Done(())));
}

#[test]
fn a_node_is_decommissioned_and_its_name_is_free_for_another() {
    let bench = grown(3, &[("s", service(1, 3)), ("lone", service(1, 1))]);
    let lone = nodes_of(&bench, "lone/0").remove(0);
    let (plan, moves) = started(act(&bench, DecommissionNode { node: lone.clone() }));
    assert_eq!(plan.moves.len(), 3);
    assert_eq!(started(act(&bench, DecommissionNode { node: lone.clone() })).1, moves, "again is the same");
    let drained = || tell(&bench, RecordNodeDrained { node: lone.clone() });
    assert!(matches!(drained(), Err(Refusal::Busy { .. })));
    for record in moves {
        complete(&bench, record.id);
    }
    assert_eq!(nodes_of(&bench, "s/0").len(), 2, "no other node could take it, and two hold the quorum");
    assert_eq!(nodes_of(&bench, "lone/0").len(), 1);
    assert!(drained().is_ok());
    let at_end = state(&bench);
    assert_eq!(at_end.nodes[&lone].state(), NodeState::Decommissioned);
    assert_eq!(at_end.cluster.denied, [(format!("FP:{lone}"), lone.clone())]);
    let decommissioned = || Err(Refusal::Decommissioned { node: lone.clone() });
    assert_eq!(tell(&bench, RecordNodeUp { profile: Box::new(profile(&lone)) }), decommissioned());
    let stolen = NodeProfile { fingerprint: format!("FP:{lone}"), ..profile("n9") };
    assert_eq!(
        tell(&bench, RecordNodeUp { profile: Box::new(stolen) }),
        Err(Refusal::Decommissioned { node: name("n9") })
    );
    for command in [
        Command::from(DrainNode { node: lone.clone() }),
        UncordonNode { node: lone.clone() }.into(),
        DecommissionNode { node: lone.clone() }.into(),
        relocation("s/0", None, &lone, false).into(),
    ] {
        assert_eq!(act(&bench, command), decommissioned());
    }
    let new = NodeProfile { node_id: 4711, fingerprint: name("FP:new"), ..profile(&lone) };
    assert!(tell(&bench, RecordNodeUp { profile: Box::new(new) }).is_ok());
    let (plan, _) = started(tell(&bench, Repair));
    assert!(plan.moves.iter().any(|planned| planned.group == "s/0" && planned.to == [lone.clone()]));
}

#[test]
fn a_node_is_not_emptied_where_that_costs_a_quorum() {
    let bench = grown(3, &[("s", service(1, 3))]);
    tell(&bench, RecordNodeDown { node: name("n3") }).unwrap();
    let quorum =
        |group: &str, live, voters, needed| Err(Refusal::Quorum { group: name(group), live, voters, needed });
    assert_eq!(act(&bench, DrainNode { node: name("n1") }), quorum("directory/0", 1, 3, 2));
    assert_eq!(act(&bench, DecommissionNode { node: name("n1") }), quorum("directory/0", 1, 2, 2));
    let safe = bench.query(&operator(), Query::from(CheckSafeToStop { node: name("n1") })).unwrap();
    assert!(matches!(safe, Answer::Plan(plan) if !plan.is_safe_to_stop()));
    // A node that is down can be decommissioned.
    assert!(act(&bench, DecommissionNode { node: name("n3") }).is_ok());
    let one = Err(Refusal::OneAtATime { other: name("n3"), state: name("draining") });
    assert_eq!(act(&bench, DecommissionNode { node: name("n1") }), one);
    assert_eq!(act(&bench, DrainNode { node: name("n1") }), one);

    let single = grown(1, &[("s", service(1, 3))]);
    assert!(matches!(act(&single, DecommissionNode { node: name("n1") }), Err(Refusal::Invalid { .. })));
    assert_eq!(act(&single, DrainNode { node: name("n1") }), quorum("directory/0", 0, 1, 1));
    let pair = grown(2, &[("s", service(1, 1))]);
    tell(&pair, RecordNodeDown { node: name("n2") }).unwrap();
    assert!(act(&pair, DrainNode { node: name("n1") }).is_err());
}

#[test]
fn draining_and_uncordoning_again_are_harmless() {
    let bench = grown(4, &[("s", service(1, 3))]);
    let node = nodes_of(&bench, "s/0").remove(0);
    let (plan, moves) = started(act(&bench, DrainNode { node: node.clone() }));
    assert!(!plan.moves.is_empty() && moves.len() == plan.moves.len());
    assert_eq!(started(act(&bench, DrainNode { node: node.clone() })).1, moves);
    let cordoned = Err(Refusal::Cordoned { node: node.clone(), state: name("draining") });
    let free =
        state(&bench).groups.values().find(|group| !group.is_on(&node)).map(|group| group.group.clone());
    if let Some(group) = free {
        assert_eq!(act(&bench, relocation(&group, None, &node, false)), cordoned);
    }
    for _ in 0..2 {
        let reply = act(&bench, UncordonNode { node: node.clone() });
        assert!(matches!(reply, Ok(Reply::Node(record)) if record.lifecycle == Lifecycle::Active));
    }
    assert!(
        moves.iter().all(|record| move_record(&bench, record.id).phase == MovePhase::Removing),
        "they turn back"
    );
    assert!(tell(&bench, RecordNodeDrained { node }).is_ok(), "nothing has to move");
}
