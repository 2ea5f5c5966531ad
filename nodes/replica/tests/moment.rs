//! One moment of a group on three nodes, read while it goes on; and what becomes of it when somebody is lost.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use group::{Call, View};
use replica::MomentError;
use support::{GROUP, Inn, LONG, Member, found, leader, pinned, until, writer};

/// What groups are closed for at most, and nodes paused for longer than that: see `moment/hold.rs`.
const LEASE: Duration = Duration::from_secs(6);

fn group() -> Vec<String> {
    vec![GROUP.to_owned()]
}

/// What a pinned state counts.
fn counts(rows: &[u8]) -> BTreeMap<u64, u64> {
    let state = store::Memory::default();
    store::State::replace(&state, &mut store::RowReader::new(rows)).unwrap();
    View::new(&state, protocol::Timestamp::default()).all(&support::COUNTS).collect()
}

fn away(members: &[Member]) -> &Member {
    members.iter().find(|member| !member.status().leader).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_has_all_that_was_acknowledged_before_and_nothing_by_halves() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    found(&members).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..6u64)
        .map(|nth| {
            let keys = Arc::clone(&inn.keys);
            let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
            let first = nth * 1_000_000;
            (first, writer(members[nth as usize % 3].client.clone(), call, first, Arc::clone(&stop)))
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = members[0].all().await;
        // From a node that does not lead: the state comes over the link.
        let moment = away(&members).node.fix_moment(group()).await.unwrap();
        let at = moment.groups()[GROUP];
        // Long before any lease is over, and while it is read.
        let begun = Instant::now();
        until("going on", || leader(&members).is_some_and(|leader| leader.status().applied > at)).await;
        assert!(begun.elapsed() < LEASE, "only when the lease was over");
        let rows = pinned(&moment, GROUP).await.unwrap();
        let counted = counts(&rows);
        assert!(before.keys().all(|number| counted.get(number) == Some(&1)), "acknowledged, and not in it");
        for (first, _) in &writers {
            let own: Vec<u64> =
                counted.range(first..&(first + 1_000_000)).map(|(number, _)| *number).collect();
            assert!(own.iter().enumerate().all(|(nth, number)| *number == first + nth as u64), "a gap");
        }
        assert!(at >= counted.len() as u64, "{} counted at {at}", counted.len());
        assert!(pinned(&moment, GROUP).await.is_err(), "read once");
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
async fn whoever_is_missing_is_named_and_all_goes_on() {
    let mut inn = Inn::new();
    let mut members = inn.three().await;
    found(&members).await;
    let call = inn.call(LONG);
    members[0].put(&call, 1).await.unwrap();
    let nobody = members[0].node.fix_moment(vec![GROUP.to_owned(), "tally/1".to_owned()]).await;
    assert_eq!(nobody.unwrap_err(), MomentError::NoLeader("tally/1".to_owned()));
    // The leader dies with what it has pinned.
    let from = away(&members).name.clone();
    let at = |members: &[Member], name: &str| members.iter().position(|member| member.name == name).unwrap();
    let moment = members[at(&members, &from)].node.fix_moment(group()).await.unwrap();
    let led = leader(&members).unwrap().name.clone();
    let lost = members.remove(at(&members, &led));
    lost.link.shutdown().await;
    let reading = pinned(&moment, GROUP).await;
    assert!(matches!(&reading, Err(MomentError::Failed(why)) if why.starts_with(GROUP)), "{reading:?}");
    drop(moment);
    until("other leader", || leader(&members).is_some()).await;
    members[0].put(&call, 2).await.unwrap();
    let moment = members[at(&members, &from)].node.fix_moment(group()).await.unwrap();
    assert_eq!(counts(&pinned(&moment, GROUP).await.unwrap()), BTreeMap::from([(1, 1), (2, 1)]));
    assert_eq!(members[0].put(&call, 3).await, Ok(1));
    for member in members {
        member.kill().await;
    }
    lost.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_once_from_two_nodes_both_come_to_be_and_so_do_two_in_a_row() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    found(&members).await;
    let call = inn.call(LONG);
    let mut written = 0;
    for (one, other) in [(0, 1), (1, 2), (2, 0), (1, 1)] {
        let (one, other) = (&members[one], &members[other]);
        let put = async |number| assert_eq!(one.put(&call, number).await, Ok(1));
        put(written).await;
        written += 1;
        let both = tokio::join!(one.node.fix_moment(group()), other.node.fix_moment(group()));
        let (first, second) = (both.0.unwrap(), both.1.unwrap());
        // Nothing is left paused or closed, and neither has what came after both.
        let begun = Instant::now();
        put(written).await;
        assert!(begun.elapsed() < LEASE, "only when the lease was over");
        for moment in [&first, &second] {
            let counted = counts(&pinned(moment, GROUP).await.unwrap());
            assert_eq!(counted, (0..written).map(|number| (number, 1)).collect());
        }
        written += 1;
        drop((first, second));
        for member in [one, other] {
            let moment = member.node.fix_moment(group()).await.unwrap();
            assert_eq!(counts(&pinned(&moment, GROUP).await.unwrap()).len() as u64, written);
        }
    }
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_take_turns_and_whoever_gets_none_is_told_why() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    found(&members).await;
    // Read and dropped at once, as many as there are.
    let all: Vec<_> = (0..6)
        .map(|nth| {
            let node = Arc::clone(&members[nth % 3].node);
            tokio::spawn(async move {
                let moment = node.fix_moment(group()).await?;
                pinned(&moment, GROUP).await
            })
        })
        .collect();
    for made in all {
        made.await.unwrap().unwrap();
    }
    // Two that are not read to their end: there is no third, until one is dropped, wherever it was asked for.
    let kept = [0, 1].map(|nth| members[nth].node.fix_moment(group()));
    let mut kept = futures::future::try_join_all(kept).await.unwrap();
    assert_eq!(members[2].node.fix_moment(group()).await.unwrap_err(), MomentError::Full);
    let call = inn.call(LONG);
    assert_eq!(members[2].put(&call, 1).await, Ok(1), "all goes on");
    kept.pop();
    members[2].node.fix_moment(group()).await.unwrap();
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_majority_the_group_is_named() {
    for leads in [true, false] {
        let mut inn = Inn::new();
        let mut members = inn.three().await;
        found(&members).await;
        let at = members.iter().position(|member| member.status().leader == leads).unwrap();
        let last = members.remove(at);
        // What was pinned just before must not be what is in the way.
        let moments = [last.node.fix_moment(group()), members[0].node.fix_moment(group())];
        let moments = futures::future::try_join_all(moments).await.unwrap();
        for member in members {
            member.kill().await;
        }
        let both = tokio::join!(last.node.fix_moment(group()), last.node.fix_moment(group()));
        for refused in [both.0, both.1] {
            let named = MomentError::NoLeader(GROUP.to_owned());
            assert_eq!(refused.unwrap_err(), named, "it led: {leads}");
        }
        drop(moments);
        last.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_could_not_hear_that_a_moment_is_dropped_is_told_when_it_can() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    found(&members).await;
    let (holder, from) = (leader(&members).unwrap(), away(&members));
    let moments = [from.node.fix_moment(group()), from.node.fix_moment(group())];
    let moments = futures::future::try_join_all(moments).await.unwrap();
    holder.deaf.store(true, Ordering::Relaxed);
    drop(moments);
    let deaf = from.node.fix_moment(group()).await.unwrap_err();
    assert!(matches!(&deaf, MomentError::Failed(why) if why.starts_with(&holder.name)), "{deaf:?}");
    // It still has both: there is no room for another one.
    let node = Arc::clone(&holder.node);
    let waiting = tokio::spawn(async move { node.fix_moment(group()).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());
    holder.deaf.store(false, Ordering::Relaxed);
    // It waits for half as long as their leases last.
    waiting.await.unwrap().unwrap();
    for member in members {
        member.stop().await;
    }
}
