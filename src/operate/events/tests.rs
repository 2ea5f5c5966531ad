//! Streams, as their readers see them.

use super::*;
use crate::operate::moves::MovePhase;
use crate::operate::shown::{ClusterState, GroupState};
use crate::operate::{live, view};

fn seen() -> ClusterResponse {
    let replica = |leads| live::LiveReplica {
        group: "auth/0".into(),
        id: if leads { 1 } else { 2 },
        leads,
        term: 3,
        voters: vec![(1, "n1".into()), (2, "n2".into())],
        bytes: 10,
        ..live::LiveReplica::default()
    };
    let node =
        |leads| live::LiveNode { up: true, replicas: vec![replica(leads)], ..live::LiveNode::default() };
    let nodes = [("n1".to_owned(), node(true)), ("n2".to_owned(), node(false))].into();
    let named = view::Named { name: "inn".into(), epoch: 1, alone: false };
    view::cluster(&named, None, &live::Live { here: "n1".into(), nodes })
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
fn a_frame_is_one_event_whatever_it_says() {
    let mut cluster = seen();
    cluster.attention = vec!["two\nlines\r\n\n and \"quotes\"".to_owned()];
    let frame = Change::Snapshot(Box::new(cluster)).frame("n1-7");
    assert!(frame.starts_with("id: n1-7\nevent: snapshot\ndata: {"), "{frame}");
    assert!(frame.ends_with("}\n\n"));
    assert_eq!(frame.matches('\n').count(), 4, "no line end within: {frame}");
    assert!(!frame.contains('\r'));
}

#[test]
fn nothing_is_told_where_nothing_has_changed() {
    assert!(changes(&seen(), &seen()).is_empty());
    assert!(figures(&seen(), &seen()).is_empty());
}

#[test]
fn each_change_is_told_by_its_name() {
    let before = seen();
    let mut now = before.clone();
    now.nodes[1].state = NodeState::Down;
    assert_eq!(names(&changes(&before, &now)), ["node"]);

    let mut now = before.clone();
    now.groups[0].leader = None;
    now.groups[0].state = GroupState::Unavailable;
    assert_eq!(names(&changes(&before, &now)), ["leader", "group"]);
    // A term of which no leader has come tells nobody anything.
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
fn a_leader_that_is_handed_over_is_not_lost() {
    let before = seen();
    let mut leaderless = BTreeSet::new();
    let without = || {
        let mut now = seen();
        now.groups[0].leader = None;
        now.groups[0].state = GroupState::Unavailable;
        now
    };
    let mut now = without();
    bridge(&before, &mut now, &mut leaderless);
    assert!(changes(&before, &now).is_empty());
    let mut still = without();
    bridge(&now, &mut still, &mut leaderless);
    assert_eq!(names(&changes(&now, &still)), ["leader", "group"]);
    // Without a majority there is nothing to wait for.
    let mut lost = without();
    lost.groups[0].voters_up = 1;
    bridge(&before, &mut lost, &mut leaderless);
    assert_eq!(names(&changes(&before, &lost)), ["leader", "group"]);
}

#[test]
fn figures_wait_for_their_turn() {
    let before = seen();
    let mut now = before.clone();
    now.groups[0].bytes += 1;
    now.groups[0].replicas[1].lag = 9;
    now.nodes[0].calls_per_second = 4.0;
    assert!(changes(&before, &now).is_empty());
    assert_eq!(names(&figures(&before, &now)), ["node", "group"]);
    // What was told as a change is not told again.
    now.groups[0].state = GroupState::Unavailable;
    now.state = ClusterState::Unavailable;
    assert_eq!(names(&changes(&before, &now)), ["group"]);
    assert_eq!(names(&figures(&before, &now)), ["node"]);
}
