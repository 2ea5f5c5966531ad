//! One moment of a group on three nodes, read while it goes on; and what becomes of it when somebody is lost.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use group::{Call, View};
use replica::MomentError;
use support::{GROUP, Inn, LONG, Member, found, leader, pinned, until, writer};

/// What a pinned state counts.
fn counts(rows: &[u8]) -> BTreeMap<u64, u64> {
    let state = store::Memory::default();
    store::State::replace(&state, &mut store::Rows::new(rows)).unwrap();
    View::new(&state, contract::Timestamp::default()).all(&support::COUNTS).collect()
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
        let moment = away(&members).node.fix_moment(vec![GROUP.to_owned()]).await.unwrap();
        let at = moment.groups()[GROUP];
        // Long before any lease is over, and while it is read.
        let begun = Instant::now();
        until("going on", || leader(&members).is_some_and(|leader| leader.status().applied > at)).await;
        assert!(begun.elapsed() < Duration::from_secs(4), "only when the lease was over");
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
    let moment = members[at(&members, &from)].node.fix_moment(vec![GROUP.to_owned()]).await.unwrap();
    let led = leader(&members).unwrap().name.clone();
    let lost = members.remove(at(&members, &led));
    lost.link.shutdown().await;
    let reading = pinned(&moment, GROUP).await;
    assert!(matches!(&reading, Err(MomentError::Failed(why)) if why.starts_with(GROUP)), "{reading:?}");
    drop(moment);
    until("other leader", || leader(&members).is_some()).await;
    members[0].put(&call, 2).await.unwrap();
    let moment = members[at(&members, &from)].node.fix_moment(vec![GROUP.to_owned()]).await.unwrap();
    assert_eq!(counts(&pinned(&moment, GROUP).await.unwrap()), BTreeMap::from([(1, 1), (2, 1)]));
    assert_eq!(members[0].put(&call, 3).await, Ok(1));
    for member in members {
        member.kill().await;
    }
    lost.kill().await;
}
