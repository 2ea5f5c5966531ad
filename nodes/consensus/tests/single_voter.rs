//! Groups of one voter: durability of acknowledged proposals, and reported failures.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{Disks, GROUP, Node, TIMEOUT, leader, members, rows, settings, start};
use consensus::{ChangeError, NoNetwork, Options, ProposeError, Replica, Settings, StartError, replica_id};
use store::{LogSettings, NodeLog};

async fn single_voter(disks: &Disks, settings: Settings) -> Node {
    let node = start(7, disks, settings, Arc::new(NoNetwork)).await;
    node.replica.initialize(members(&[7])).await.unwrap();
    leader([&node]).await;
    node
}

async fn put(node: &Node, keys: std::ops::Range<u32>) {
    let proposals = keys.map(|key| node.replica.propose(format!("{key:06}").into_bytes()));
    for reply in futures::future::join_all(proposals).await {
        reply.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_proposals_survive_a_restart() {
    let disks = Disks::new();
    let node = single_voter(&disks, settings()).await;
    assert_eq!(replica_id(&*disks.state).unwrap(), Some(7));
    put(&node, 0..500).await;
    node.replica.read_barrier().await.unwrap();
    assert_eq!(rows(&*disks.state).len(), 500);
    assert!(node.machine.batches.load(Ordering::Relaxed) < 400, "entries are applied in batches");
    node.replica.shutdown().await.unwrap();
    node.log.close();
    assert!(matches!(node.replica.propose(vec![1]).await, Err(ProposeError::Stopped(_))));
    assert_eq!(
        node.replica.wait_for_role(TIMEOUT, |role| role.stopped.is_some()).await.unwrap().stopped.unwrap(),
        "shut down"
    );

    let node = single_voter(&disks, settings()).await;
    assert_eq!(rows(&*disks.state).len(), 500);
    assert_eq!(node.machine.applied.load(Ordering::Relaxed), 0, "nothing is applied twice");
    put(&node, 500..510).await;
    assert_eq!(rows(&*disks.state).len(), 510);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_proposals_survive_power_failures() {
    let mut disks = Disks::new();
    let mut keys = 0;
    for round in 0..5 {
        // In some rounds the state is never flushed, in others the log is purged.
        let (flush_every_ms, snapshot_every_entries) = [(3_600_000, 1_000_000), (1, 50)][round % 2];
        let settings = Settings { flush_every_ms, snapshot_every_entries, keep_entries: 10, ..settings() };
        let node = single_voter(&disks, settings).await;
        assert_eq!(rows(&*disks.state).len(), keys as usize, "round {round}");
        put(&node, keys..keys + 290).await;
        let until = tokio::time::Instant::now() + TIMEOUT;
        while snapshot_every_entries == 50
            && node.replica.status().purged.is_none_or(|purged| purged < keys.into())
        {
            assert!(tokio::time::Instant::now() < until, "{:?}", node.replica.status());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        put(&node, keys + 290..keys + 300).await;
        keys += 300;
        disks = disks.crash();
        node.replica.shutdown().await.unwrap();
    }
    assert!(single_voter(&disks, settings()).await.replica.status().purged.is_some(), "the log was purged");
    assert_eq!(rows(&*disks.state).len(), keys as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_state_machine_stops_its_replica_with_the_reason() {
    for (payload, reason) in [("panic", "simulated panic"), ("fault", "simulated failure")] {
        let disks = Disks::new();
        let node = single_voter(&disks, settings()).await;
        put(&node, 0..10).await;
        let error = node.replica.propose(payload.as_bytes().to_vec()).await.unwrap_err();
        match (payload, &error) {
            ("panic", ProposeError::Stopped(text)) | ("fault", ProposeError::Store(text)) => {
                assert!(text.contains(reason), "{text}");
            }
            _ => panic!("{payload}: {error:?}"),
        }
        let role = node.replica.wait_for_role(TIMEOUT, |role| role.stopped.is_some()).await.unwrap();
        assert!(!role.leader && role.stopped.unwrap().contains(reason));
        assert!(node.replica.propose(vec![1]).await.is_err());
        assert!(node.replica.read_barrier().await.is_err());
        assert!(node.replica.status().stopped.is_some());
        node.replica.shutdown().await.unwrap();
        node.log.close();
        assert_eq!(rows(&*disks.state).len(), 10);
        // The entry is committed, so it is replayed at each start, which fails with the same reason.
        let log = NodeLog::with_storage(disks.rows.clone(), LogSettings::default()).unwrap();
        let machine = common::TestStateMachine::new(disks.state.clone());
        let again = Replica::start(
            Options { settings: settings(), ..Options::new(GROUP, 7) },
            log,
            disks.state.clone(),
            machine,
            Arc::new(NoNetwork),
        )
        .await;
        match again {
            Err(StartError::StateMachine(text)) if payload == "panic" => {
                assert!(text.contains(reason), "{text}");
            }
            Err(StartError::Store(text)) if payload == "fault" => assert!(text.contains(reason), "{text}"),
            Err(other) => panic!("{other}"),
            // If the committed mark did not reach the disk, the replica stops as soon as it leads.
            Ok(replica) => {
                assert!(replica.wait_for_role(TIMEOUT, |role| role.stopped.is_some()).await.is_some());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_stops_the_replica_and_nothing_is_acknowledged() {
    let disks = Disks::new();
    let node = single_voter(&disks, settings()).await;
    put(&node, 0..10).await;
    disks.rows.fail(true);
    assert!(matches!(node.replica.propose(b"lost".to_vec()).await, Err(ProposeError::Store(_))));
    let role = node.replica.wait_for_role(TIMEOUT, |role| role.stopped.is_some()).await.unwrap();
    assert!(!role.leader);
    let disks = disks.crash();
    node.replica.shutdown().await.unwrap();
    let node = single_voter(&disks, settings()).await;
    assert_eq!(rows(&*disks.state).len(), 10);
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_starts_only_on_its_own_state_and_log() {
    let disks = Disks::new();
    let node = single_voter(&disks, settings()).await;
    put(&node, 0..10).await;
    node.replica.shutdown().await.unwrap();
    node.log.close();
    let start = |disks: Disks, group: &'static str, id| async move {
        let log = NodeLog::with_storage(disks.rows.clone(), LogSettings::default()).unwrap();
        let machine = common::TestStateMachine::new(disks.state.clone());
        Replica::start(Options::new(group, id), log, disks.state.clone(), machine, Arc::new(NoNetwork))
            .await
            .map(drop)
    };
    let identity = Err(StartError::Identity { found_group: GROUP.to_owned(), found_id: 7 });
    assert_eq!(start(disks.clone(), GROUP, 8).await, identity);
    assert_eq!(start(disks.clone(), "other/0", 7).await, identity);
    let no_log = Disks { rows: Disks::new().rows, ..disks.clone() };
    assert_eq!(start(no_log, GROUP, 7).await, Err(StartError::LogMissing));
    assert_eq!(start(disks, GROUP, 7).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_initialised_once_with_voters_that_include_the_replica() {
    let disks = Disks::new();
    let node = start(7, &disks, settings(), Arc::new(NoNetwork)).await;
    assert!(matches!(node.replica.initialize(members(&[8])).await, Err(ChangeError::Refused(_))));
    assert!(matches!(node.replica.propose(vec![1]).await, Err(ProposeError::NotLeader { leader: None })));
    assert!(matches!(node.replica.read_barrier().await, Err(ProposeError::NotLeader { leader: None })));
    node.replica.initialize(members(&[7])).await.unwrap();
    node.replica.initialize(members(&[7])).await.unwrap();
    leader([&node]).await;
    put(&node, 0..1).await;
    let status = node.replica.status();
    assert_eq!((status.id, status.leader_id, status.voters), (7, Some(7), members(&[7])));
    assert_eq!(status.applied, status.last_log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_message_gets_an_error_response() {
    let node = single_voter(&Disks::new(), settings()).await;
    for bytes in [vec![], vec![0], vec![9, 9, 9], vec![1, 250, 1, 1], vec![1, 4, 1, 1]] {
        let response = node.replica.handle(bytes).await;
        assert!(!response.is_empty());
    }
    put(&node, 0..1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_and_the_log_survive_restarts_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut took = std::time::Duration::ZERO;
    for round in 0..3u32 {
        let log = NodeLog::open(&dir.path().join("log"), LogSettings::default()).unwrap();
        let state = Arc::new(store::Disk::open(&dir.path().join("groups/test-0"), 8 << 20).unwrap());
        let machine = common::TestStateMachine::new(state.clone());
        let started = std::time::Instant::now();
        let options = Options { settings: settings(), ..Options::new(GROUP, 7) };
        let replica =
            Replica::start(options, log.clone(), state.clone(), machine, Arc::new(NoNetwork)).await.unwrap();
        replica.initialize(members(&[7])).await.unwrap();
        assert!(replica.wait_for_role(TIMEOUT, |role| role.leader).await.is_some());
        took = started.elapsed();
        assert_eq!(rows(&*state).len() as u32, round * 100);
        for key in round * 100..round * 100 + 100 {
            replica.propose(format!("{key:06}").into_bytes()).await.unwrap();
        }
        // The first round shuts down cleanly, the others without a last flush.
        if round == 0 {
            replica.shutdown().await.unwrap();
        }
        drop((replica, state));
        log.close();
    }
    println!("leading {took:?} after the last start");
}
