//! Cluster snapshots of a group on three nodes: read while the group serves, concurrent ones, and the loss of nodes.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use group::{Call, View};
use replica::SnapshotError;
use support::{GROUP, LONG, TestCluster, TestNode, bootstrap_group, leader, pinned, until, writer};

/// The longest time for which a snapshot blocks calls: see `snapshot/node_steps.rs`.
const BLOCKED_MAX: Duration = Duration::from_secs(6);

fn group() -> Vec<String> {
    vec![GROUP.to_owned()]
}

/// The counts in a pinned state.
fn counts(rows: &[u8]) -> BTreeMap<u64, u64> {
    let state = store::Memory::default();
    store::State::replace(&state, &mut store::RowReader::new(rows)).unwrap();
    View::new(&state, protocol::Timestamp::default()).all(&support::COUNTS).collect()
}

fn follower(members: &[TestNode]) -> &TestNode {
    members.iter().find(|member| !member.status().leader).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_has_all_commands_acknowledged_before_it_and_no_gaps() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    bootstrap_group(&members).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..6u64)
        .map(|nth| {
            let keys = Arc::clone(&cluster.keys);
            let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
            let first = nth * 1_000_000;
            (first, writer(members[nth as usize % 3].client.clone(), call, first, Arc::clone(&stop)))
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = members[0].all().await;
        // From a follower, so that the state is read over the link.
        let snapshot = follower(&members).node.take_snapshot(group()).await.unwrap();
        let at = snapshot.groups()[GROUP];
        // The group resumes long before any lease is over, and before the snapshot is read.
        let begun = Instant::now();
        until("new entries", || leader(&members).is_some_and(|leader| leader.status().applied > at)).await;
        assert!(begun.elapsed() < BLOCKED_MAX, "resumed only when the lease was over");
        let rows = pinned(&snapshot, GROUP).await.unwrap();
        let counted = counts(&rows);
        assert!(
            before.keys().all(|number| counted.get(number) == Some(&1)),
            "an acknowledged command is missing"
        );
        for (first, _) in &writers {
            let own: Vec<u64> =
                counted.range(first..&(first + 1_000_000)).map(|(number, _)| *number).collect();
            assert!(own.iter().enumerate().all(|(nth, number)| *number == first + nth as u64), "a gap");
        }
        assert!(at >= counted.len() as u64, "{} counted at {at}", counted.len());
        assert!(pinned(&snapshot, GROUP).await.is_err(), "it can be read once");
    }
    stop.store(true, Ordering::Relaxed);
    let mut longest = Duration::ZERO;
    for (_, writer) in writers {
        longest = longest.max(writer.await.unwrap().1);
    }
    println!("longest gap {longest:?}");
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_without_a_leader_is_named_and_calls_continue() {
    let mut cluster = TestCluster::new();
    let mut members = cluster.three().await;
    bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    members[0].put(&call, 1).await.unwrap();
    let unknown = members[0].node.take_snapshot(vec![GROUP.to_owned(), "tally/1".to_owned()]).await;
    assert_eq!(unknown.unwrap_err(), SnapshotError::NoLeader("tally/1".to_owned()));
    // The leader is lost, and its pins with it.
    let from = follower(&members).name.clone();
    let at =
        |members: &[TestNode], name: &str| members.iter().position(|member| member.name == name).unwrap();
    let snapshot = members[at(&members, &from)].node.take_snapshot(group()).await.unwrap();
    let led = leader(&members).unwrap().name.clone();
    let lost = members.remove(at(&members, &led));
    lost.link.shutdown().await;
    let reading = pinned(&snapshot, GROUP).await;
    assert!(matches!(&reading, Err(SnapshotError::Failed(why)) if why.starts_with(GROUP)), "{reading:?}");
    drop(snapshot);
    until("other leader", || leader(&members).is_some()).await;
    members[0].put(&call, 2).await.unwrap();
    let snapshot = members[at(&members, &from)].node.take_snapshot(group()).await.unwrap();
    assert_eq!(counts(&pinned(&snapshot, GROUP).await.unwrap()), BTreeMap::from([(1, 1), (2, 1)]));
    assert_eq!(members[0].put(&call, 3).await, Ok(1));
    for member in members {
        member.kill().await;
    }
    lost.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_concurrent_snapshots_both_succeed_and_so_do_two_in_a_row() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    let mut written = 0;
    for (one, other) in [(0, 1), (1, 2), (2, 0), (1, 1)] {
        let (one, other) = (&members[one], &members[other]);
        let put = async |number| assert_eq!(one.put(&call, number).await, Ok(1));
        put(written).await;
        written += 1;
        let both = tokio::join!(one.node.take_snapshot(group()), other.node.take_snapshot(group()));
        let (first, second) = (both.0.unwrap(), both.1.unwrap());
        // Nothing stays paused or blocked, and neither has a later command.
        let begun = Instant::now();
        put(written).await;
        assert!(begun.elapsed() < BLOCKED_MAX, "resumed only when the lease was over");
        for snapshot in [&first, &second] {
            let counted = counts(&pinned(snapshot, GROUP).await.unwrap());
            assert_eq!(counted, (0..written).map(|number| (number, 1)).collect());
        }
        written += 1;
        drop((first, second));
        for member in [one, other] {
            let snapshot = member.node.take_snapshot(group()).await.unwrap();
            assert_eq!(counts(&pinned(&snapshot, GROUP).await.unwrap()).len() as u64, written);
        }
    }
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_concurrent_snapshots_succeed_and_one_too_many_to_be_read_is_refused() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    bootstrap_group(&members).await;
    // Each is read and dropped immediately.
    let all: Vec<_> = (0..6)
        .map(|nth| {
            let node = Arc::clone(&members[nth % 3].node);
            tokio::spawn(async move {
                let snapshot = node.take_snapshot(group()).await?;
                pinned(&snapshot, GROUP).await
            })
        })
        .collect();
    for made in all {
        made.await.unwrap().unwrap();
    }
    // Two that stay open prevent a third on any node, until one is dropped.
    let open = [0, 1].map(|nth| members[nth].node.take_snapshot(group()));
    let mut open = futures::future::try_join_all(open).await.unwrap();
    assert_eq!(members[2].node.take_snapshot(group()).await.unwrap_err(), SnapshotError::TooMany);
    let call = cluster.call(LONG);
    assert_eq!(members[2].put(&call, 1).await, Ok(1), "calls continue");
    open.pop();
    members[2].node.take_snapshot(group()).await.unwrap();
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_without_a_majority_is_named() {
    for leads in [true, false] {
        let mut cluster = TestCluster::new();
        let mut members = cluster.three().await;
        bootstrap_group(&members).await;
        let at = members.iter().position(|member| member.status().leader == leads).unwrap();
        let last = members.remove(at);
        // With pins from before, which must not be the reported reason.
        let snapshots = [last.node.take_snapshot(group()), members[0].node.take_snapshot(group())];
        let snapshots = futures::future::try_join_all(snapshots).await.unwrap();
        for member in members {
            member.kill().await;
        }
        let both = tokio::join!(last.node.take_snapshot(group()), last.node.take_snapshot(group()));
        for refused in [both.0, both.1] {
            let named = SnapshotError::NoLeader(GROUP.to_owned());
            assert_eq!(refused.unwrap_err(), named, "it led: {leads}");
        }
        drop(snapshots);
        last.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pin_is_released_as_soon_as_its_node_responds_again() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    bootstrap_group(&members).await;
    let (holder, from) = (leader(&members).unwrap(), follower(&members));
    let snapshots = [from.node.take_snapshot(group()), from.node.take_snapshot(group())];
    let snapshots = futures::future::try_join_all(snapshots).await.unwrap();
    holder.unresponsive.store(true, Ordering::Relaxed);
    drop(snapshots);
    let unresponsive = from.node.take_snapshot(group()).await.unwrap_err();
    assert!(
        matches!(&unresponsive, SnapshotError::Failed(why) if why.starts_with(&holder.name)),
        "{unresponsive:?}"
    );
    // The node still has both pins, which is the maximum.
    let node = Arc::clone(&holder.node);
    let waiting = tokio::spawn(async move { node.take_snapshot(group()).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());
    holder.unresponsive.store(false, Ordering::Relaxed);
    // It waits at most half as long as the leases last.
    waiting.await.unwrap().unwrap();
    for member in members {
        member.stop().await;
    }
}
