//! Events of a stream.

use cluster_model::{ClusterState, GroupState, MovePhase};
use replica::ReplicaStatus;

use super::*;
use crate::local_view::LocalView;
use crate::view;

fn seen() -> ClusterResponse {
    let node = |id: u64, name: &str| {
        let replica = ReplicaStatus {
            group: "auth/0".into(),
            id,
            leader: id == 1,
            term: 3,
            voters: [(1, "n1".into()), (2, "n2".into())].into(),
            bytes: 10,
            ..ReplicaStatus::default()
        };
        (name.to_owned(), view::tests::observed(name, true, replica))
    };
    let nodes = [node(1, "n1"), node(2, "n2")].into();
    let named = view::ClusterIdentity { name: "inn".into(), epoch: 1, single_node: false };
    view::cluster(&named, None, &LocalView { here: "n1".into(), nodes })
}

fn a_move(phase: MovePhase) -> MoveResponse {
    MoveResponse {
        id: "mov_1".into(),
        group: "auth/0".into(),
        from: Some("n1".into()),
        to: Some("n2".into()),
        leave: vec!["n1".into()],
        take: vec!["n2".into()],
        leader_only: true,
        phase,
        reason: "asked for".into(),
        requested_by: "cli_admin".into(),
        bytes_done: 0,
        bytes_total: 0,
        lag: 0,
        seconds_left: None,
        cancellable: true,
        started_at: edge::Instant(protocol::Timestamp(0)),
        ended_at: None,
        detail: None,
    }
}

fn names(found: &[Change]) -> Vec<&'static str> {
    found.iter().map(|change| change.name_and_data().0).collect()
}

#[test]
fn a_frame_is_one_event_whatever_its_data_contains() {
    let mut cluster = seen();
    cluster.attention = vec!["two\nlines\r\n\n and \"quotes\"".to_owned()];
    let frame = Change::Snapshot(Box::new(cluster)).frame("n1-7");
    assert!(frame.starts_with("id: n1-7\nevent: snapshot\ndata: {"), "{frame}");
    assert!(frame.ends_with("}\n\n"));
    assert_eq!(frame.matches('\n').count(), 4, "no line break inside: {frame}");
    assert!(!frame.contains('\r'));
}

#[test]
fn no_change_gives_no_event() {
    assert!(changes(&seen(), &seen()).is_empty());
    assert!(figures(&seen(), &seen()).is_empty());
}

#[test]
fn each_change_gives_an_event_of_its_name() {
    let before = seen();
    let mut now = before.clone();
    now.nodes[1].state = NodeState::Down;
    assert_eq!(names(&changes(&before, &now)), ["node"]);

    let mut now = before.clone();
    now.groups[0].leader = None;
    now.groups[0].state = GroupState::Unavailable;
    assert_eq!(names(&changes(&before, &now)), ["leader", "group"]);
    // A new term without a leader is not an event.
    let mut later = now.clone();
    later.groups[0].term += 5;
    assert!(changes(&now, &later).is_empty());

    let mut now = before.clone();
    now.moves.push(a_move(MovePhase::Adding));
    assert_eq!(names(&changes(&before, &now)), ["move"]);
    let mut later = now.clone();
    later.moves[0].phase = MovePhase::Switching;
    assert_eq!(names(&changes(&now, &later)), ["move"]);

    let mut now = before.clone();
    now.nodes.remove(1);
    let gone = changes(&before, &now);
    assert!(matches!(&gone[..], [Change::Node(node)] if node.state == NodeState::Decommissioned));
}

#[test]
fn a_transfer_of_leadership_is_not_a_lost_leader() {
    let before = seen();
    let mut leaderless = BTreeSet::new();
    let without = || {
        let mut now = seen();
        now.groups[0].leader = None;
        now.groups[0].state = GroupState::Unavailable;
        now
    };
    let mut now = without();
    hide_transfers(&before, &mut now, &mut leaderless);
    assert!(changes(&before, &now).is_empty());
    let mut still = without();
    hide_transfers(&now, &mut still, &mut leaderless);
    assert_eq!(names(&changes(&now, &still)), ["leader", "group"]);
    // Without a majority, the loss of the leader is reported at once.
    let mut lost = without();
    lost.groups[0].voters_up = 1;
    hide_transfers(&before, &mut lost, &mut leaderless);
    assert_eq!(names(&changes(&before, &lost)), ["leader", "group"]);
}

#[test]
fn figures_are_sent_separately_from_changes() {
    let before = seen();
    let mut now = before.clone();
    now.groups[0].bytes += 1;
    now.groups[0].replicas[1].lag = 9;
    now.nodes[0].calls_per_second = 4.0;
    assert!(changes(&before, &now).is_empty());
    assert_eq!(names(&figures(&before, &now)), ["node", "group"]);
    // A change that was sent is not sent again with the figures.
    now.groups[0].state = GroupState::Unavailable;
    now.state = ClusterState::Unavailable;
    assert_eq!(names(&changes(&before, &now)), ["group"]);
    assert_eq!(names(&figures(&before, &now)), ["node"]);
}
