//! A cluster of three nodes in all its states.

use super::*;

fn named(alone: bool) -> Named {
    Named { name: "inn".into(), epoch: 2, alone }
}

/// `auth/0` on all nodes that are named, led by the first of them.
fn live(nodes: &[(&str, bool)]) -> Live {
    let voters: Vec<(u64, String)> = (1..).zip(nodes.iter().map(|(name, _)| (*name).to_owned())).collect();
    let leader = nodes.iter().position(|(_, up)| *up);
    let node = |(at, (name, up)): (usize, &(&str, bool))| {
        let replica = LiveReplica {
            group: "auth/0".into(),
            id: at as u64 + 1,
            leads: leader == Some(at),
            term: 4,
            voters: voters.clone(),
            applied: 100 - at as u64,
            bytes: 1000,
            ..LiveReplica::default()
        };
        let node =
            LiveNode { up: *up, version: "0.1.0".into(), replicas: vec![replica], ..LiveNode::default() };
        ((*name).to_owned(), node)
    };
    Live { here: "n1".into(), nodes: nodes.iter().enumerate().map(node).collect() }
}

#[test]
fn a_machine_that_is_alone_is_healthy_and_must_not_stop() {
    let shown = cluster(&named(true), None, &live(&[("n1", true)]));
    assert_eq!((shown.name.as_str(), shown.epoch, shown.state), ("inn", 2, ClusterState::Healthy));
    assert!(shown.attention.is_empty(), "{:?}", shown.attention);
    let node = &shown.nodes[0];
    assert_eq!((node.groups, node.leaders, node.safe_to_stop), (1, 1, false));
    assert_eq!(
        node.unsafe_because.as_deref(),
        Some("auth/0 would lose its quorum: 0 of 1 replicas would be left, 1 are needed")
    );
}

#[test]
fn effects_that_wait_since_a_restore_are_told() {
    let mut held = live(&[("n1", true)]);
    held.nodes.get_mut("n1").unwrap().replicas[0].effects_held = true;
    let shown = cluster(&named(true), None, &held);
    assert!(shown.groups[0].effects_held);
    assert!(
        shown.attention[0].contains("auth/0") && shown.attention[0].contains("--release-effects"),
        "{shown:?}"
    );
}

#[test]
fn any_of_three_may_stop_and_of_two_none() {
    let shown = cluster(&named(false), None, &live(&[("n1", true), ("n2", true), ("n3", true)]));
    assert!(shown.nodes.iter().all(|node| node.safe_to_stop && node.quorum == "quorum 2/3"));
    assert_eq!(shown.groups[0].replicas.iter().map(|replica| replica.lag).collect::<Vec<_>>(), [0, 1, 2]);

    let shown = cluster(&named(false), None, &live(&[("n1", true), ("n2", true), ("n3", false)]));
    let safe: Vec<_> = shown.nodes.iter().map(|node| (node.state, node.safe_to_stop)).collect();
    // The one that is down changes nothing by stopping.
    assert_eq!(safe, [(NodeState::Up, false), (NodeState::Up, false), (NodeState::Down, true)]);
    assert_eq!(shown.state, ClusterState::Degraded);
    assert_eq!((shown.groups[0].voters, shown.groups[0].voters_up), (3, 2));
}

#[test]
fn without_a_majority_nobody_leads_whatever_is_said() {
    let live = live(&[("n1", true), ("n2", false), ("n3", false)]);
    let replica = &live.nodes["n1"].replicas[0];
    // It has not noticed yet.
    assert!(replica.leads);
    let shown = cluster(&named(false), None, &live);
    assert_eq!(shown.state, ClusterState::Unavailable);
    assert_eq!(shown.groups[0].leader, None);
    assert!(shown.attention[0].starts_with("auth/0 has no leader"), "{:?}", shown.attention);
    assert!(shown.attention.iter().any(|sentence| sentence.starts_with("the directory does not answer")));
}

#[test]
fn of_two_that_say_so_the_later_term_leads() {
    let mut live = live(&[("n1", true), ("n2", true), ("n3", true)]);
    let other = &mut live.nodes.get_mut("n3").unwrap().replicas[0];
    (other.leads, other.term) = (true, 5);
    assert_eq!(live.leader("auth/0").map(|(node, _)| node), Some("n3"));
    live.nodes.get_mut("n3").unwrap().up = false;
    assert_eq!(live.leader("auth/0").map(|(node, _)| node), Some("n1"));
}

#[test]
fn versions_that_differ_are_told() {
    let mut live = live(&[("n1", true), ("n2", true), ("n3", true)]);
    live.nodes.get_mut("n2").unwrap().version = "0.2.0".into();
    let shown = cluster(&named(false), None, &live);
    let told =
        shown.attention.iter().any(|one| one == "nodes run different versions: 0.1.0 on n1, n3; 0.2.0 on n2");
    assert!(told, "{:?}", shown.attention);
}
