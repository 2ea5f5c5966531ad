//! The state of a cluster of one, two or three nodes.

use std::sync::Arc;
use std::time::SystemTime;

use replica::{NodeInfo, NodeStatus};

use super::*;

fn identity(single_node: bool) -> ClusterIdentity {
    ClusterIdentity { name: "inn".into(), epoch: 2, single_node }
}

/// `auth/0` on all of these nodes, led by the first reachable one.
fn view(nodes: &[(&str, bool)]) -> LocalView {
    let voters: BTreeMap<u64, String> = (1..).zip(nodes.iter().map(|(name, _)| (*name).to_owned())).collect();
    let leader = nodes.iter().position(|(_, up)| *up);
    let node = |(at, (name, up)): (usize, &(&str, bool))| {
        let replica = ReplicaStatus {
            group: "auth/0".into(),
            id: at as u64 + 1,
            leader: leader == Some(at),
            term: 4,
            voters: voters.clone(),
            applied: 100 - at as u64,
            bytes: 1000,
            ..ReplicaStatus::default()
        };
        ((*name).to_owned(), observed(name, *up, replica))
    };
    LocalView { here: "n1".into(), nodes: nodes.iter().enumerate().map(node).collect() }
}

/// A node that reports one replica.
pub(crate) fn observed(name: &str, live: bool, replica: ReplicaStatus) -> ObservedNode {
    let status = NodeStatus {
        node: name.to_owned(),
        node_id: 1,
        incarnation: 1,
        sequence: 1,
        info: NodeInfo { version: "0.1.0".into(), ..NodeInfo::default() },
        disk_free_bytes: 1 << 40,
        leaving: false,
        replicas: vec![replica],
    };
    ObservedNode { status: Some(Arc::new(status)), live, since: SystemTime::UNIX_EPOCH, rtt: None }
}

/// The status that a node reported.
fn status<'a>(view: &'a mut LocalView, node: &str) -> &'a mut NodeStatus {
    Arc::make_mut(view.nodes.get_mut(node).unwrap().status.as_mut().unwrap())
}

#[test]
fn a_single_node_is_healthy_and_not_safe_to_stop() {
    let cluster = super::cluster(&identity(true), None, &view(&[("n1", true)]));
    assert_eq!((cluster.name.as_str(), cluster.epoch, cluster.state), ("inn", 2, ClusterState::Healthy));
    assert!(cluster.attention.is_empty(), "{:?}", cluster.attention);
    let node = &cluster.nodes[0];
    assert_eq!((node.groups, node.leaders, node.safe_to_stop), (1, 1, false));
    assert_eq!(
        node.unsafe_because.as_deref(),
        Some("auth/0 would lose its quorum: 0 of 1 replicas would be left, 1 are needed")
    );
}

#[test]
fn effects_held_since_a_restore_need_attention() {
    let mut held = view(&[("n1", true)]);
    status(&mut held, "n1").replicas[0].effects_held = true;
    let cluster = super::cluster(&identity(true), None, &held);
    assert!(cluster.groups[0].effects_held);
    assert!(
        cluster.attention[0].contains("auth/0") && cluster.attention[0].contains("--release-effects"),
        "{cluster:?}"
    );
}

#[test]
fn one_of_three_nodes_may_stop_and_none_of_two() {
    let cluster = super::cluster(&identity(false), None, &view(&[("n1", true), ("n2", true), ("n3", true)]));
    assert!(cluster.nodes.iter().all(|node| node.safe_to_stop && node.quorum == "quorum 2/3"));
    assert_eq!(cluster.groups[0].replicas.iter().map(|replica| replica.lag).collect::<Vec<_>>(), [0, 1, 2]);

    let cluster = super::cluster(&identity(false), None, &view(&[("n1", true), ("n2", true), ("n3", false)]));
    let safe: Vec<_> = cluster.nodes.iter().map(|node| (node.state, node.safe_to_stop)).collect();
    // Stopping a node that is down changes nothing.
    assert_eq!(safe, [(NodeState::Up, false), (NodeState::Up, false), (NodeState::Down, true)]);
    assert_eq!(cluster.state, ClusterState::Degraded);
    assert_eq!((cluster.groups[0].voters, cluster.groups[0].voters_up), (3, 2));
}

#[test]
fn without_a_majority_there_is_no_leader_even_if_one_is_reported() {
    let view = view(&[("n1", true), ("n2", false), ("n3", false)]);
    let replica = &replicas_of(&view.nodes["n1"])[0];
    // The leader has not noticed yet that it lost its majority.
    assert!(replica.leader);
    let cluster = super::cluster(&identity(false), None, &view);
    assert_eq!(cluster.state, ClusterState::Unavailable);
    assert_eq!(cluster.groups[0].leader, None);
    assert!(cluster.attention[0].starts_with("auth/0 has no leader"), "{:?}", cluster.attention);
    assert!(cluster.attention.iter().any(|sentence| sentence.starts_with("the directory does not answer")));
}

#[test]
fn of_two_reported_leaders_the_one_with_the_higher_term_counts() {
    let mut view = view(&[("n1", true), ("n2", true), ("n3", true)]);
    let other = &mut status(&mut view, "n3").replicas[0];
    (other.leader, other.term) = (true, 5);
    assert_eq!(view.leader("auth/0").map(|(node, _)| node), Some("n3"));
    view.nodes.get_mut("n3").unwrap().live = false;
    assert_eq!(view.leader("auth/0").map(|(node, _)| node), Some("n1"));
}

#[test]
fn different_versions_need_attention() {
    let mut view = view(&[("n1", true), ("n2", true), ("n3", true)]);
    status(&mut view, "n2").info.version = "0.2.0".into();
    let cluster = super::cluster(&identity(false), None, &view);
    let found = cluster
        .attention
        .iter()
        .any(|one| one == "nodes run different versions: 0.1.0 on n1, n3; 0.2.0 on n2");
    assert!(found, "{:?}", cluster.attention);
}
