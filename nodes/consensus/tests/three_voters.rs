//! Groups of three voters in one process: elections, replication, loss of the leader, and membership changes.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{
    Disks, GROUP, Node, TIMEOUT, is_not_leader, join, leader, member, members, propose_somewhere, settings,
    wait_for_equal_rows,
};
use consensus::testing::InMemoryNetwork;
use consensus::{ChangeError, ProposeError, Settings};

async fn three_voters(network: &InMemoryNetwork, settings: Settings) -> Vec<Node> {
    let mut nodes = Vec::new();
    for id in 1..=3 {
        nodes.push(join(network, id, &Disks::new(), settings.clone()).await);
    }
    nodes[0].replica.initialize(members(&[1, 2, 3])).await.unwrap();
    leader(&nodes).await;
    nodes
}

fn id(node: &Node) -> u64 {
    node.replica.status().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_replicates_and_elects_another_leader_when_the_leader_is_isolated() {
    let network = InMemoryNetwork::new();
    let nodes = three_voters(&network, settings()).await;
    let first = leader(&nodes).await;
    for key in 0..50 {
        first.replica.propose(format!("{key:06}").into_bytes()).await.unwrap();
    }
    first.replica.read_barrier().await.unwrap();
    assert_eq!(wait_for_equal_rows(&nodes).await.len(), 50);
    for follower in nodes.iter().filter(|node| id(node) != id(first)) {
        let refused = follower.replica.propose(b"elsewhere".to_vec()).await;
        assert!(is_not_leader(&refused), "{refused:?}");
        let leader = Some((id(first), member(id(first))));
        assert_eq!(refused.unwrap_err(), ProposeError::NotLeader { leader });
        assert_eq!(follower.machine.awaited.load(Ordering::Relaxed), 0, "only the proposer gets results");
        assert!(follower.replica.read_barrier().await.is_err());
    }

    // The leader is isolated, not stopped: it still considers itself leader.
    network.isolate(id(first), true);
    let rest: Vec<&Node> = nodes.iter().filter(|node| id(node) != id(first)).collect();
    tokio::time::sleep(settings().config_lease()).await;
    assert!(first.replica.read_barrier().await.is_err(), "a leader without a majority serves no reads");
    let lost = first.replica.clone();
    let lost = tokio::spawn(async move { lost.propose(b"not replicated".to_vec()).await });
    let second = leader(rest.iter().copied()).await;
    assert_ne!(id(second), id(first));
    propose_somewhere(&rest, "after").await;
    second.replica.read_barrier().await.unwrap();
    network.isolate(id(first), false);
    let lost = tokio::time::timeout(TIMEOUT, lost).await.unwrap().unwrap();
    assert!(matches!(lost, Err(ProposeError::Unknown | ProposeError::NotLeader { .. })), "{lost:?}");
    let rows = wait_for_equal_rows(&nodes).await;
    assert_eq!(rows.len(), 51, "the entry that was not replicated is lost");
}

trait Lease {
    fn config_lease(&self) -> Duration;
}

impl Lease for Settings {
    /// Longer than any lease.
    fn config_lease(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms * 7)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn power_failures_lose_no_acknowledged_entry() {
    let network = InMemoryNetwork::new();
    let settings = Settings { snapshot_every_entries: 60, keep_entries: 5, ..settings() };
    let mut nodes = three_voters(&network, settings.clone()).await;
    let mut keys = 0;
    for round in 0..6usize {
        let all: Vec<&Node> = nodes.iter().collect();
        for _ in 0..40 {
            propose_somewhere(&all, &format!("{keys:06}")).await;
            keys += 1;
        }
        let leading = id(leader(&nodes).await);
        // Power failure of the leader, then of a follower, then of all at once.
        let victims: Vec<u64> = match round % 3 {
            0 => vec![leading],
            1 => vec![leading % 3 + 1],
            _ => vec![1, 2, 3],
        };
        let mut cut = Vec::new();
        for victim in &victims {
            network.isolate(*victim, true);
            cut.push(nodes[*victim as usize - 1].disks.crash());
        }
        for victim in &victims {
            let _ = nodes[*victim as usize - 1].replica.shutdown().await;
        }
        if victims.len() == 1 {
            let rest: Vec<&Node> = nodes.iter().filter(|node| id(node) != victims[0]).collect();
            for _ in 0..20 {
                propose_somewhere(&rest, &format!("{keys:06}")).await;
                keys += 1;
            }
        }
        for (victim, disks) in victims.iter().zip(&cut) {
            network.isolate(*victim, false);
            nodes[*victim as usize - 1] = join(&network, *victim, disks, settings.clone()).await;
        }
        leader(&nodes).await;
        propose_somewhere(&nodes.iter().collect::<Vec<_>>(), &format!("{keys:06}")).await;
        keys += 1;
        assert_eq!(wait_for_equal_rows(&nodes).await.len(), keys, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_learner_receives_a_snapshot_becomes_a_voter_and_leads() {
    let network = InMemoryNetwork::new();
    let settings =
        Settings { snapshot_every_entries: 100, keep_entries: 0, message_bytes_max: 2000, ..settings() };
    let nodes = three_voters(&network, settings.clone()).await;
    let leading = leader(&nodes).await;
    let proposals = (0..1000).map(|key| leading.replica.propose(format!("{key:06}").into_bytes()));
    for reply in futures::future::join_all(proposals).await {
        reply.unwrap();
    }
    leading.replica.snapshot().await.unwrap();
    let until = tokio::time::Instant::now() + TIMEOUT;
    while leading.replica.status().purged.is_none_or(|purged| purged < 900) {
        assert!(tokio::time::Instant::now() < until, "{:?}", leading.replica.status());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let disks = Disks::new();
    let log = store::NodeLog::with_storage(disks.rows.clone(), store::LogSettings::default()).unwrap();
    let machine = common::TestStateMachine::new(disks.state.clone());
    let options = consensus::Options { settings: settings.clone(), ..consensus::Options::new(GROUP, 4) };
    let replica = consensus::Replica::start(
        options,
        log.clone(),
        disks.state.clone(),
        machine.clone(),
        network.endpoint(4),
    );
    let fourth = Node { replica: replica.await.unwrap(), machine, log, disks };
    network.join(GROUP, 4, fourth.replica.clone());

    let three = [1, 2, 3].into();
    let not_a_learner = leading.replica.change_voters(&three, [1, 2, 3, 4].into()).await;
    assert!(matches!(not_a_learner, Err(ChangeError::Refused(_))), "{not_a_learner:?}");
    leading.replica.add_learner(4, member(4)).await.unwrap();
    assert_eq!(wait_for_equal_rows([leading, &fourth]).await.len(), 1000);
    assert!(fourth.machine.replaced.load(Ordering::Relaxed) >= 1);
    assert_eq!(leading.replica.status().learners, members(&[4]));

    // One joint change adds the fourth voter and removes another.
    let removed = id(nodes.iter().find(|node| id(node) != id(leading)).unwrap());
    let voters: Vec<u64> = (1..=4).filter(|id| *id != removed).collect();
    let wanted = || voters.iter().copied().collect();
    leading.replica.change_voters(&three, wanted()).await.unwrap();
    // Repeating the change succeeds. A change from the outdated voters is refused.
    leading.replica.change_voters(&three, wanted()).await.unwrap();
    let outdated = leading.replica.change_voters(&three, [id(leading), removed].into()).await;
    assert!(matches!(outdated, Err(ChangeError::Refused(_))), "{outdated:?}");
    let status = leading.replica.status();
    assert_eq!((status.voters, status.learners.len(), status.joint), (members(&voters), 0, false));
    leading.replica.transfer_leader(4).await.unwrap();
    assert!(fourth.replica.wait_for_role(TIMEOUT, |role| role.leader).await.is_some());
    assert!(
        leading
            .replica
            .wait_for_role(TIMEOUT, |role| !role.leader && role.leader_id == Some(4))
            .await
            .is_some()
    );
    fourth.replica.propose(b"from the fourth".to_vec()).await.unwrap();
    assert_eq!(wait_for_equal_rows([leading, &fourth]).await.len(), 1001);

    // The installed snapshot survives a power failure, although nothing was flushed since.
    let cut = fourth.disks.crash();
    fourth.replica.shutdown().await.unwrap();
    let fourth = join(&network, 4, &cut, settings).await;
    assert_eq!(wait_for_equal_rows([leading, &fourth]).await.len(), 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_sent_during_writes_is_consistent() {
    let network = InMemoryNetwork::new();
    let settings =
        Settings { snapshot_every_entries: 200, keep_entries: 0, message_bytes_max: 4000, ..settings() };
    let nodes = three_voters(&network, settings.clone()).await;
    let leading = leader(&nodes).await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers = (0..8).map(|writer: u64| {
        let (replica, stop) = (leading.replica.clone(), stop.clone());
        tokio::spawn(async move {
            let mut written = 0u64;
            while !stop.load(Ordering::Relaxed) {
                // The same keys are written repeatedly, so that rows that were already sent change.
                let key = format!("{:06}", (written * 8 + writer) * 7919 % 3000);
                replica.propose(key.into_bytes()).await.unwrap();
                written += 1;
            }
            written
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    for id in 4..=6 {
        let node = join(&network, id, &Disks::new(), settings.clone()).await;
        leading.replica.add_learner(id, member(id)).await.unwrap();
        let until = tokio::time::Instant::now() + TIMEOUT;
        while node.machine.replaced.load(Ordering::Relaxed) == 0 {
            assert!(tokio::time::Instant::now() < until, "no snapshot was installed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if id == 6 {
            stop.store(true, Ordering::Relaxed);
            let mut written = 0;
            for writer in futures::future::join_all(writers).await {
                written += writer.unwrap();
            }
            assert!(written > 500, "{written} were written meanwhile");
            assert!(wait_for_equal_rows([leading, &node]).await.len() > 100);
            return;
        }
        network.isolate(id, true);
        leading.replica.remove_learner(id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovered_sole_voter_has_all_entries_of_its_log() {
    let network = InMemoryNetwork::new();
    let nodes = three_voters(&network, settings()).await;
    let leading = leader(&nodes).await;
    for key in 0..50 {
        leading.replica.propose(format!("{key:06}").into_bytes()).await.unwrap();
    }
    // A replica with all entries: a majority has them, so one of the followers does.
    let last = leading.replica.status().last_log;
    let survivor =
        nodes.iter().find(|node| id(node) != id(leading) && node.replica.status().last_log == last).unwrap();
    for node in &nodes {
        network.leave(GROUP, id(node));
        node.replica.shutdown().await.unwrap();
    }
    let group = GROUP.into();
    let state: std::sync::Arc<dyn store::State> = survivor.disks.state.clone();
    let before =
        consensus::recover_as_sole_voter(&group, 77, member(77), &survivor.log, &state, b"recovered")
            .await
            .unwrap();
    assert_eq!(before, [1, 2, 3].into());
    let again = consensus::recover_as_sole_voter(&group, 78, member(78), &survivor.log, &state, b"recovered")
        .await
        .unwrap();
    assert_eq!(again, [1, 2, 3, 77].into());
    assert_eq!(consensus::replica_id(&*state).unwrap(), Some(78));
    survivor.log.close();
    let alone = join(&network, 78, &survivor.disks, settings()).await;
    leader([&alone]).await;
    assert_eq!(alone.replica.status().voters, members(&[78]));
    alone.replica.propose(b"alone".to_vec()).await.unwrap();
    // The payload of each recovery is one more row.
    assert_eq!(wait_for_equal_rows([&alone]).await.len(), 52);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_in_contact_with_a_majority_is_not_replaced() {
    let network = InMemoryNetwork::new();
    let nodes = three_voters(&network, settings()).await;
    let leading = leader(&nodes).await;
    let term = leading.replica.role().borrow().term;
    for _ in 0..20 {
        for node in &nodes {
            node.replica.trigger_election().await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let role = leading.replica.role().borrow().clone();
    assert_eq!((role.leader, role.term, role.leader_node), (true, term, Some(member(id(leading)).node)));
    // A triggered election does not wait for the election timeout.
    network.isolate(id(leading), true);
    let started = std::time::Instant::now();
    let rest: Vec<&Node> = nodes.iter().filter(|node| id(node) != id(leading)).collect();
    while !rest.iter().any(|node| node.replica.role().borrow().leader) {
        for node in &rest {
            node.replica.trigger_election().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(started.elapsed() < TIMEOUT, "no leader was elected");
    }
    println!("another leader after {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_starts_from_restored_rows_and_sends_them_to_new_replicas() {
    let network = InMemoryNetwork::new();
    let disks = Disks::new();
    let mut batch = store::Batch::default();
    (0..500).for_each(|key| batch.put(format!("{key:06}").into_bytes(), b"restored".to_vec()));
    let state: std::sync::Arc<dyn store::State> = disks.state.clone();
    state.commit(batch).unwrap();
    let log = store::NodeLog::with_storage(disks.rows.clone(), store::LogSettings::default()).unwrap();
    consensus::recover_as_sole_voter(&GROUP.into(), 5, member(5), &log, &state, b"recovered").await.unwrap();
    log.close();
    let first = join(&network, 5, &disks, settings()).await;
    leader([&first]).await;
    first.replica.propose(b"new".to_vec()).await.unwrap();
    let second = join(&network, 6, &Disks::new(), settings()).await;
    first.replica.add_learner(6, member(6)).await.unwrap();
    assert_eq!(wait_for_equal_rows([&first, &second]).await.len(), 502);
    // The same after a restart.
    let cut = first.disks.crash();
    first.replica.shutdown().await.unwrap();
    let first = join(&network, 5, &cut, settings()).await;
    leader([&first]).await;
    let third = join(&network, 7, &Disks::new(), settings()).await;
    first.replica.add_learner(7, member(7)).await.unwrap();
    assert_eq!(wait_for_equal_rows([&first, &second, &third]).await.len(), 502);
}
