//! A group on three nodes: creation, loss of the leader, moves, restarts and recovery.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use group::{Call, Failure};
use link::TrafficClass;
use protocol::codec;
use replica::{Limits, RaftRole, StartMode, Task, TaskError};
use support::{
    GROUP, Get, LONG, Never, Put, TallyContract, TestCluster, TestNode, bootstrap_group, change_voters,
    leader, until, writer,
};

fn others<'a>(members: &'a [TestNode], than: &'a str) -> impl Iterator<Item = &'a TestNode> {
    members.iter().filter(move |member| member.name != than)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_grows_to_three_replicas_and_every_node_can_call_it() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    for (number, member) in members.iter().enumerate() {
        assert_eq!(member.put(&call, number as u64).await, Ok(1), "from {}", member.name);
        assert_eq!(member.all().await.len(), number + 1);
    }
    for member in &members {
        until("copy", || member.status().applied == members[0].status().applied).await;
        let nearby = Call::anonymous(LONG);
        let found = member.client.query::<TallyContract>(&nearby, Get::Nearby).await.unwrap();
        assert_eq!(found.len(), 3);
        assert!(member.node.ready(), "{:?}", member.node.unready_group());
        let view = member.node.cluster_view().borrow().clone();
        assert_eq!(
            view.replicas(GROUP).map(|(node, _, replica)| (node, replica.id)).collect::<Vec<_>>(),
            [("n1", ids[0]), ("n2", ids[1]), ("n3", ids[2])]
        );
        assert_eq!(view.leader(GROUP).map(|(node, _)| node), Some("n1"));
        assert!(view.nodes["n2"].status.as_ref().unwrap().disk_free_bytes > 0);
    }
    // Calls without a token are refused on every node.
    let anonymous = Call::anonymous(LONG);
    for member in &members {
        assert!(matches!(member.put(&anonymous, 1).await, Err(Failure::Unauthenticated(_))));
    }
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_node_leads_after_the_loss_of_the_leader_and_no_acknowledged_command_is_lost() {
    let mut cluster = TestCluster::new();
    let mut members = cluster.three().await;
    bootstrap_group(&members).await;
    for round in 0..3u64 {
        let name = leader(&members).unwrap().name.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let rest: Vec<&TestNode> = others(&members, &name).collect();
        let writers: Vec<_> = (0..8)
            .map(|nth: u64| {
                let keys = Arc::clone(&cluster.keys);
                let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
                let first = round * 100_000_000 + nth * 1_000_000;
                (first, writer(rest[nth as usize % 2].client.clone(), call, first, Arc::clone(&stop)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let at = members.iter().position(|member| member.name == name).unwrap();
        let lost = members.remove(at);
        let killed = Instant::now();
        lost.link.shutdown().await;
        until("other leader", || leader(&members).is_some()).await;
        let led = killed.elapsed();
        tokio::time::sleep(Duration::from_millis(500)).await;
        stop.store(true, Ordering::Relaxed);
        let (mut longest, mut written, mut expected) = (Duration::ZERO, 0, Vec::new());
        for (first, writer) in writers {
            let (count, gap) = writer.await.unwrap();
            expected.extend(first..first + count);
            written += count;
            longest = longest.max(gap);
        }
        println!("round {round}: another leads after {led:?}; longest gap {longest:?}; {written} written");
        let all = members[0].all().await;
        assert!(
            expected.iter().all(|number| all.get(number) == Some(&1)),
            "a command was lost or applied twice"
        );
        // The isolated node reports that it is not ready.
        assert!(!lost.node.ready());
        let data = lost.kill().await;
        members.push(cluster.start(&name, Some(data)).await);
        let back = members.last().unwrap();
        assert!(back.node.reopen_all().await.unwrap().is_empty());
        until("return", || {
            members.iter().all(|member| member.node.ready() && member.status().role != RaftRole::Learner)
        })
        .await;
        let applied = leader(&members).unwrap().status().applied;
        until("catching up", || members.iter().all(|member| member.status().applied >= applied)).await;
        assert!(members.iter().all(|member| member.node.violations().is_empty()));
    }
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn leadership_is_transferred_by_task_and_when_a_node_stops() {
    let mut cluster = TestCluster::new();
    let mut members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    let stop = Arc::new(AtomicBool::new(false));
    let keys = Arc::clone(&cluster.keys);
    let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
    let written = writer(members[0].client.clone(), call, 0, Arc::clone(&stop));
    tokio::time::sleep(Duration::from_millis(200)).await;
    for to in [1, 2, 0, 1, 2] {
        let transfer = Task::TransferLeadership { group: GROUP.into(), to: ids[to] };
        let begun = Instant::now();
        members[0].node.task_at_leader(transfer.clone(), LONG).await.unwrap();
        until("transfer", || members[to].status().leader).await;
        println!("transferred in {:?}", begun.elapsed());
        members[0].node.task_at_leader(transfer, LONG).await.unwrap();
        // Then again immediately, while the new leader does not know the lag of the others yet.
    }
    // The third node leads now. It is stopped.
    let leaving = members.pop().unwrap();
    let begun = Instant::now();
    let data = leaving.stop().await;
    println!("stopped in {:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let (count, longest) = written.await.unwrap();
    println!("{count} written, longest gap {longest:?}");
    assert_eq!(members[0].all().await.len() as u64, count);
    members.push(cluster.start("n3", Some(data)).await);
    assert!(members[2].node.reopen_all().await.unwrap().is_empty());
    assert_eq!(members[2].status().id, ids[2]);
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_replica_leaves_no_files_and_the_next_one_has_another_id() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    members[0].put(&call, 1).await.unwrap();
    let voters = [ids[0], ids[1]];
    members[1].node.task_at_leader(change_voters(&ids, voters), LONG).await.unwrap();
    assert!(members[2].files());
    let stale = Task::DeleteReplica { group: GROUP.into(), id: ids[2] + 1 };
    members[0].task("n3", stale).await;
    assert!(members[2].files(), "the task names another id");
    let drop = Task::DeleteReplica { group: GROUP.into(), id: ids[2] };
    members[0].task("n3", drop.clone()).await;
    members[0].task("n3", drop).await;
    assert!(!members[2].files());
    until("announcement", || members[0].node.cluster_view().borrow().replicas(GROUP).count() == 2).await;
    // A new replica has a new id, and messages for the old one do not reach it.
    let open = Task::OpenReplica { group: GROUP.into(), start: StartMode::Join };
    let fresh = members[0].task("n3", open.clone()).await.id.unwrap();
    assert_ne!(fresh, ids[2]);
    assert_eq!(members[0].task("n3", open).await.id, Some(fresh), "a repeated task returns the same replica");
    for (id, there) in [(ids[2], false), (fresh, true)] {
        let topic = format!("raft/{GROUP}/{id:x}");
        let answer = members[0].link.call("n3", TrafficClass::Interactive, &topic, vec![0], LONG).await;
        assert_eq!(answer.is_ok(), there, "{answer:?}");
    }
    let add = Task::AddLearner { group: GROUP.into(), id: fresh, node: "n3".into() };
    members[0].node.task_at_leader(add, LONG).await.unwrap();
    until("copy", || members[2].status().applied == members[0].status().applied).await;
    let remove = Task::RemoveLearner { group: GROUP.into(), id: fresh };
    members[0].node.task_at_leader(remove.clone(), LONG).await.unwrap();
    members[0].node.task_at_leader(remove, LONG).await.unwrap();
    let votes = Task::RemoveLearner { group: GROUP.into(), id: ids[1] };
    let refused = members[0].node.task_at_leader(votes, LONG).await;
    assert!(matches!(refused, Err(TaskError::Refused(_))), "{refused:?}");
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_joining_replica_gets_a_snapshot_while_commands_are_applied() {
    let mut cluster = TestCluster::new();
    cluster.limits = Limits { log_cut_every_entries: 300, log_kept_entries: 10, ..Limits::default() };
    let members = cluster.three().await;
    let first = &members[0];
    let open = |start| Task::OpenReplica { group: GROUP.into(), start };
    first.task("n1", open(StartMode::Bootstrap)).await;
    until("a leader", || first.node.ready() && first.status().leader).await;
    let call = cluster.call(LONG);
    for number in 0..1000 {
        let put = Put::Ballast(number, 4000);
        first.client.command::<TallyContract>(&call, put).await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|nth: u64| {
            let keys = Arc::clone(&cluster.keys);
            let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
            writer(members[nth as usize % 3].client.clone(), call, nth * 1_000_000, Arc::clone(&stop))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    for member in &members[1..] {
        let begun = Instant::now();
        let id = first.task(&member.name, open(StartMode::Join)).await.id.unwrap();
        let add = Task::AddLearner { group: GROUP.into(), id, node: member.name.clone() };
        first.node.task_at_leader(add, LONG).await.unwrap();
        until("caught up", || first.status().lag_of(id).is_some_and(|lag| lag < 50)).await;
        println!("{} has {} bytes after {:?}", member.name, member.status().bytes, begun.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        let (count, longest) = writer.await.unwrap();
        println!("{count} written, longest gap {longest:?}");
    }
    for member in &members {
        until("copy", || member.status().applied == first.status().applied).await;
        assert_eq!(member.node.violations(), Vec::<String>::new());
    }
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_recovers_by_itself_after_all_nodes_restart() {
    let mut cluster = TestCluster::new();
    let mut members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    for number in 0..20 {
        members[number as usize % 3].put(&call, number).await.unwrap();
    }
    let mut disks = Vec::new();
    for member in members.drain(..) {
        disks.push((member.name.clone(), member.kill().await));
    }
    for (name, data) in disks {
        members.push(cluster.start(&name, Some(data)).await);
    }
    for member in &members {
        assert!(member.node.reopen_all().await.unwrap().is_empty());
    }
    until("leader", || members.iter().all(|member| member.node.ready())).await;
    assert_eq!(members.iter().map(|member| member.status().id).collect::<Vec<_>>(), ids);
    assert_eq!(members[1].all().await.len(), 20);
    assert_eq!(members[2].put(&call, 7).await, Ok(2));
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_can_be_recovered_from_its_last_replica() {
    let mut cluster = TestCluster::new();
    let mut members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    for number in 0..20 {
        members[0].put(&call, number).await.unwrap();
    }
    let last = members.pop().unwrap();
    until("copy", || last.status().last_log == members[0].status().last_log).await;
    for member in members {
        member.kill().await;
    }
    let short = cluster.call(Duration::from_secs(1));
    assert!(last.put(&short, 99).await.is_err(), "a minority accepts no commands");
    assert!(!last.node.ready());
    let recovered = last.task("n3", Task::Recover { group: GROUP.into() }).await;
    assert!(recovered.id.is_some_and(|id| id != ids[2]));
    until("leader", || last.node.ready() && last.status().leader).await;
    assert_eq!(last.put(&call, 5).await, Ok(2));
    let all = last.all().await;
    assert!((0..20).all(|number| all.contains_key(&number)));
    let id = last.status().id;
    let data = last.stop().await;
    let last = cluster.start("n3", Some(data)).await;
    assert!(last.node.reopen_all().await.unwrap().is_empty());
    until("leader", || last.node.ready() && last.status().leader).await;
    assert_eq!(last.status().id, id);
    last.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_needs_a_token_of_the_directory() {
    let mut cluster = TestCluster::new();
    let members = cluster.three().await;
    bootstrap_group(&members).await;
    let drop = Task::DeleteReplica { group: GROUP.into(), id: members[1].status().id };
    let first = Task::OpenReplica { group: "directory/0".into(), start: StartMode::Bootstrap };
    let node = cluster.keys.cluster.node_credential("n1", protocol::Timestamp::wall_clock());
    let another = cluster.keys.cluster.node_credential("n3", protocol::Timestamp::wall_clock());
    let table = [
        (String::new(), &drop, false),
        (cluster.keys.sign("svc:search", ""), &drop, false),
        (cluster.keys.sign("usr_1", "cluster:manage"), &drop, false),
        (node.clone(), &drop, false),
        (another, &first, false),
        // Allowed, and refused because the node has no such service.
        (node, &first, true),
        (cluster.keys.sign("svc:directory", ""), &first, true),
    ];
    for (token, task, may) in table {
        let order = codec::encode(&(token, task));
        let answer =
            members[0].link.call("n2", TrafficClass::Interactive, "task", order, LONG).await.unwrap();
        let answer: Result<replica::TaskOutput, TaskError> = codec::decode(&answer).unwrap();
        assert_eq!(matches!(answer, Err(TaskError::Refused(_))), may, "{answer:?}");
        assert_eq!(matches!(answer, Err(TaskError::NotAllowed(_))), !may, "{answer:?}");
    }
    assert!(members[1].files());
    // A node may announce its own status only.
    let mut forged = replica::NodeStatus::clone(
        members[1].node.cluster_view().borrow().nodes["n2"].status.as_ref().unwrap(),
    );
    forged.incarnation += 1;
    forged.replicas.clear();
    let response = members[0]
        .link
        .call("n3", TrafficClass::Interactive, "node-status", codec::encode(&forged), LONG)
        .await;
    assert!(response.is_err());
    assert_eq!(members[2].node.cluster_view().borrow().replicas(GROUP).count(), 3);
    let unknown: Result<u64, Failure<Never>> = members[0].put(&cluster.call(LONG), 1).await;
    assert_eq!(unknown, Ok(1));
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_whose_state_was_lost_is_not_opened() {
    let mut cluster = TestCluster::new();
    let mut members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    members[0].put(&cluster.call(LONG), 1).await.unwrap();
    for wiped in [&["groups/tally-0"][..], &["groups/tally-0", "log"]] {
        let data = members.pop().unwrap().stop().await;
        for path in wiped {
            std::fs::remove_dir_all(data.path().join(path)).unwrap();
        }
        members.push(cluster.start("n3", Some(data)).await);
        let failed = members[2].node.reopen_all().await.unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(!members[2].files(), "no new store is created");
        until("announcement", || {
            let view = members[0].node.cluster_view().borrow().clone();
            let quarantined = |node: &str, id| {
                view.replicas(GROUP).any(|(on, _, is)| on == node && is.id == id && is.quarantined.is_some())
            };
            quarantined("n3", members[2].status().id)
        })
        .await;
        assert!(!members[2].node.ready());
        // The directory deletes it and creates another.
        let id = members[2].status().id;
        members[0].task("n3", Task::DeleteReplica { group: GROUP.into(), id }).await;
        let open = Task::OpenReplica { group: GROUP.into(), start: StartMode::Join };
        let fresh = members[0].task("n3", open).await.id.unwrap();
        assert_ne!(fresh, id);
        let add = Task::AddLearner { group: GROUP.into(), id: fresh, node: "n3".into() };
        members[0].node.task_at_leader(add, LONG).await.unwrap();
        until("copy", || members[2].status().applied == members[0].status().applied).await;
        let voters = [ids[0], ids[1], fresh];
        members[0].node.task_at_leader(change_voters(&[ids[0], ids[1], id], voters), LONG).await.unwrap();
        until("ready", || members[2].node.ready()).await;
    }
    assert_eq!(members[2].all().await.len(), 1);
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_can_start_with_restored_rows() {
    let mut cluster = TestCluster::new();
    // The rows of an earlier group, as a backup has them.
    let members = cluster.three().await;
    bootstrap_group(&members).await;
    for number in 0..50 {
        members[0].put(&cluster.call(LONG), number).await.unwrap();
    }
    until("copy", || members.iter().all(|member| member.status().applied == members[0].status().applied))
        .await;
    let mut disks = Vec::new();
    for member in members {
        disks.push(member.stop().await);
    }
    let mut rows = Vec::new();
    let old = store::Disk::open(&disks[0].path().join("groups/tally-0"), 4 << 20).unwrap();
    store::export(&old, std::ops::Bound::Included(&[1]), &mut rows).unwrap();
    let mut cluster = TestCluster::new();
    let data = tempfile::tempdir().unwrap();
    {
        let restored = store::Disk::open(&data.path().join("groups/tally-0"), 4 << 20).unwrap();
        store::State::replace(&restored, &mut store::RowReader::new(rows.as_slice())).unwrap();
    }
    let mut members = vec![cluster.start("n1", Some(data)).await];
    for name in ["n2", "n3"] {
        members.push(cluster.start(name, None).await);
    }
    until("sessions", || {
        members[0].node.cluster_view().borrow().nodes.values().filter(|observed| observed.live).count() == 3
    })
    .await;
    let joins = members[0].node.open(GROUP, StartMode::Join).await;
    assert!(joins.is_err(), "a joining replica must start empty");
    bootstrap_group(&members).await;
    for member in &members {
        assert_eq!(
            member.put(&cluster.call(LONG), 7).await,
            Ok(2 + members.iter().position(|one| one.name == member.name).unwrap() as u64)
        );
        assert_eq!(member.all().await.len(), 50);
    }
    until("copy", || members.iter().all(|member| member.status().applied == members[0].status().applied))
        .await;
    for member in members {
        assert_eq!(member.node.violations(), Vec::<String>::new());
        member.stop().await;
    }
}
