//! A group on three nodes: it comes to be, outlives its leader, moves, and comes back after restarts.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use group::{Call, Failure};
use link::TrafficClass;
use protocol::codec;
use replica::{Limits, ReplicaRole, Start, Task, TaskError};
use support::{
    Ask, GROUP, Inn, LONG, Member, Never, Put, TallyContract, change_voters, found, leader, until, writer,
};

fn others<'a>(members: &'a [Member], than: &'a str) -> impl Iterator<Item = &'a Member> {
    members.iter().filter(move |member| member.name != than)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_grows_to_three_and_is_reached_from_everywhere() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    let ids = found(&members).await;
    let call = inn.call(LONG);
    for (number, member) in members.iter().enumerate() {
        assert_eq!(member.put(&call, number as u64).await, Ok(1), "from {}", member.name);
        assert_eq!(member.all().await.len(), number + 1);
    }
    for member in &members {
        until("copy", || member.status().applied == members[0].status().applied).await;
        let nearby = Call::anonymous(LONG);
        let found = member.client.query::<TallyContract>(&nearby, Ask::Nearby).await.unwrap();
        assert_eq!(found.len(), 3);
        assert!(member.node.ready(), "{:?}", member.node.waiting());
        let board = member.node.board().borrow().clone();
        assert_eq!(
            board.replicas(GROUP).map(|(node, _, replica)| (node, replica.id)).collect::<Vec<_>>(),
            [("n1", ids[0]), ("n2", ids[1]), ("n3", ids[2])]
        );
        assert_eq!(board.leader(GROUP).map(|(node, _)| node), Some("n1"));
        assert!(board.nodes["n2"].said.as_ref().unwrap().disk_free_bytes > 0);
    }
    // Nobody without a token, wherever it comes from.
    let nobody = Call::anonymous(LONG);
    for member in &members {
        assert!(matches!(member.put(&nobody, 1).await, Err(Failure::Unauthenticated(_))));
    }
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_leads_when_a_node_is_lost_and_nothing_acknowledged_is() {
    let mut inn = Inn::new();
    let mut members = inn.three().await;
    found(&members).await;
    for round in 0..3u64 {
        let name = leader(&members).unwrap().name.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let rest: Vec<&Member> = others(&members, &name).collect();
        let writers: Vec<_> = (0..8)
            .map(|nth: u64| {
                let keys = Arc::clone(&inn.keys);
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
        assert!(expected.iter().all(|number| all.get(number) == Some(&1)), "lost or doubled");
        // The lost node knows nothing and says so.
        assert!(!lost.node.ready());
        let data = lost.kill().await;
        members.push(inn.start(&name, Some(data)).await);
        let back = members.last().unwrap();
        assert!(back.node.reopen_all().await.unwrap().is_empty());
        until("return", || {
            members.iter().all(|member| member.node.ready() && member.status().role != ReplicaRole::Learner)
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
async fn leadership_is_handed_over_when_asked_for_and_when_a_node_stops() {
    let mut inn = Inn::new();
    let mut members = inn.three().await;
    let ids = found(&members).await;
    let stop = Arc::new(AtomicBool::new(false));
    let keys = Arc::clone(&inn.keys);
    let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
    let written = writer(members[0].client.clone(), call, 0, Arc::clone(&stop));
    tokio::time::sleep(Duration::from_millis(200)).await;
    for to in [1, 2, 0, 1, 2] {
        let transfer = Task::Transfer { group: GROUP.into(), to: ids[to] };
        let begun = Instant::now();
        members[0].node.task_at_leader(transfer.clone(), LONG).await.unwrap();
        until("transfer", || members[to].status().leader).await;
        println!("transferred in {:?}", begun.elapsed());
        members[0].node.task_at_leader(transfer, LONG).await.unwrap();
        // And on at once: who has just come to lead does not know yet how far the others are.
    }
    // The third leads now: it goes.
    let leaving = members.pop().unwrap();
    let begun = Instant::now();
    let data = leaving.stop().await;
    println!("stopped in {:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let (count, longest) = written.await.unwrap();
    println!("{count} written, longest gap {longest:?}");
    assert_eq!(members[0].all().await.len() as u64, count);
    members.push(inn.start("n3", Some(data)).await);
    assert!(members[2].node.reopen_all().await.unwrap().is_empty());
    assert_eq!(members[2].status().id, ids[2]);
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_that_is_dropped_leaves_nothing_and_its_successor_is_another() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    let ids = found(&members).await;
    let call = inn.call(LONG);
    members[0].put(&call, 1).await.unwrap();
    let voters = [ids[0], ids[1]];
    members[1].node.task_at_leader(change_voters(&ids, voters), LONG).await.unwrap();
    assert!(members[2].files());
    let stale = Task::Drop { group: GROUP.into(), id: ids[2] + 1 };
    members[0].task("n3", stale).await;
    assert!(members[2].files(), "another id");
    let drop = Task::Drop { group: GROUP.into(), id: ids[2] };
    members[0].task("n3", drop.clone()).await;
    members[0].task("n3", drop).await;
    assert!(!members[2].files());
    until("news", || members[0].node.board().borrow().replicas(GROUP).count() == 2).await;
    // A fresh one under a fresh id; messages for the old one do not reach it.
    let open = Task::Open { group: GROUP.into(), start: Start::Join };
    let fresh = members[0].task("n3", open.clone()).await.id.unwrap();
    assert_ne!(fresh, ids[2]);
    assert_eq!(members[0].task("n3", open).await.id, Some(fresh), "it is there already");
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
async fn whoever_joins_gets_a_snapshot_while_commands_go_on() {
    let mut inn = Inn::new();
    inn.limits = Limits { log_cut_every_entries: 300, log_kept_entries: 10, ..Limits::default() };
    let members = inn.three().await;
    let first = &members[0];
    let open = |start| Task::Open { group: GROUP.into(), start };
    first.task("n1", open(Start::Found)).await;
    until("a leader", || first.node.ready() && first.status().leader).await;
    let call = inn.call(LONG);
    for number in 0..1000 {
        let put = Put::Ballast(number, 4000);
        first.client.command::<TallyContract>(&call, put).await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|nth: u64| {
            let keys = Arc::clone(&inn.keys);
            let call = move || Call::bearer(keys.sign("usr_1", "tally:write"), LONG);
            writer(members[nth as usize % 3].client.clone(), call, nth * 1_000_000, Arc::clone(&stop))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    for member in &members[1..] {
        let begun = Instant::now();
        let id = first.task(&member.name, open(Start::Join)).await.id.unwrap();
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
async fn all_come_back_by_themselves() {
    let mut inn = Inn::new();
    let mut members = inn.three().await;
    let ids = found(&members).await;
    let call = inn.call(LONG);
    for number in 0..20 {
        members[number as usize % 3].put(&call, number).await.unwrap();
    }
    let mut disks = Vec::new();
    for member in members.drain(..) {
        disks.push((member.name.clone(), member.kill().await));
    }
    for (name, data) in disks {
        members.push(inn.start(&name, Some(data)).await);
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
async fn the_last_replica_can_be_told_to_go_on_alone() {
    let mut inn = Inn::new();
    let mut members = inn.three().await;
    let ids = found(&members).await;
    let call = inn.call(LONG);
    for number in 0..20 {
        members[0].put(&call, number).await.unwrap();
    }
    let last = members.pop().unwrap();
    until("copy", || last.status().last_log == members[0].status().last_log).await;
    for member in members {
        member.kill().await;
    }
    let short = inn.call(Duration::from_secs(1));
    assert!(last.put(&short, 99).await.is_err(), "a minority takes nothing");
    assert!(!last.node.ready());
    let refound = last.task("n3", Task::Refound { group: GROUP.into() }).await;
    assert!(refound.id.is_some_and(|id| id != ids[2]));
    until("leader", || last.node.ready() && last.status().leader).await;
    assert_eq!(last.put(&call, 5).await, Ok(2));
    let all = last.all().await;
    assert!((0..20).all(|number| all.contains_key(&number)));
    let id = last.status().id;
    let data = last.stop().await;
    let last = inn.start("n3", Some(data)).await;
    assert!(last.node.reopen_all().await.unwrap().is_empty());
    until("leader", || last.node.ready() && last.status().leader).await;
    assert_eq!(last.status().id, id);
    last.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn being_a_node_is_no_credential() {
    let mut inn = Inn::new();
    let members = inn.three().await;
    found(&members).await;
    let drop = Task::Drop { group: GROUP.into(), id: members[1].status().id };
    let first = Task::Open { group: "directory/0".into(), start: Start::Found };
    let node = inn.keys.cluster.node_credential("n1", protocol::Timestamp::wall_clock());
    let another = inn.keys.cluster.node_credential("n3", protocol::Timestamp::wall_clock());
    let table = [
        (String::new(), &drop, false),
        (inn.keys.sign("svc:search", ""), &drop, false),
        (inn.keys.sign("usr_1", "cluster:manage"), &drop, false),
        (node.clone(), &drop, false),
        (another, &first, false),
        // It may, and the node has no such service.
        (node, &first, true),
        (inn.keys.sign("svc:directory", ""), &first, true),
    ];
    for (token, task, may) in table {
        let order = codec::encode(&(token, task));
        let answer =
            members[0].link.call("n2", TrafficClass::Interactive, "task", order, LONG).await.unwrap();
        let answer: Result<replica::TaskDone, TaskError> = codec::decode(&answer).unwrap();
        assert_eq!(matches!(answer, Err(TaskError::Refused(_))), may, "{answer:?}");
        assert_eq!(matches!(answer, Err(TaskError::NotAllowed(_))), !may, "{answer:?}");
    }
    assert!(members[1].files());
    // A node speaks for itself only.
    let mut said =
        replica::Announcement::clone(members[1].node.board().borrow().nodes["n2"].said.as_ref().unwrap());
    said.incarnation += 1;
    said.replicas.clear();
    let forged =
        members[0].link.call("n3", TrafficClass::Interactive, "board", codec::encode(&said), LONG).await;
    assert!(forged.is_err());
    assert_eq!(members[2].node.board().borrow().replicas(GROUP).count(), 3);
    let unknown: Result<u64, Failure<Never>> = members[0].put(&inn.call(LONG), 1).await;
    assert_eq!(unknown, Ok(1));
    for member in members {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_that_lost_its_state_is_not_taken_for_the_voter_that_it_was() {
    let mut inn = Inn::new();
    let mut members = inn.three().await;
    let ids = found(&members).await;
    members[0].put(&inn.call(LONG), 1).await.unwrap();
    for wiped in [&["groups/tally-0"][..], &["groups/tally-0", "log"]] {
        let data = members.pop().unwrap().stop().await;
        for path in wiped {
            std::fs::remove_dir_all(data.path().join(path)).unwrap();
        }
        members.push(inn.start("n3", Some(data)).await);
        let failed = members[2].node.reopen_all().await.unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(!members[2].files(), "nothing is made in its place");
        until("news", || {
            let board = members[0].node.board().borrow().clone();
            let given_up = |node: &str, id| {
                board.replicas(GROUP).any(|(on, _, is)| on == node && is.id == id && is.quarantined.is_some())
            };
            given_up("n3", members[2].status().id)
        })
        .await;
        assert!(!members[2].node.ready());
        // The directory has it dropped, and another made.
        let id = members[2].status().id;
        members[0].task("n3", Task::Drop { group: GROUP.into(), id }).await;
        let open = Task::Open { group: GROUP.into(), start: Start::Join };
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
async fn a_group_can_begin_with_what_a_restore_has_laid_there() {
    let mut inn = Inn::new();
    // What was there before, as a backup has it.
    let members = inn.three().await;
    found(&members).await;
    for number in 0..50 {
        members[0].put(&inn.call(LONG), number).await.unwrap();
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
    let mut inn = Inn::new();
    let data = tempfile::tempdir().unwrap();
    {
        let restored = store::Disk::open(&data.path().join("groups/tally-0"), 4 << 20).unwrap();
        store::State::replace(&restored, &mut store::RowReader::new(rows.as_slice())).unwrap();
    }
    let mut members = vec![inn.start("n1", Some(data)).await];
    for name in ["n2", "n3"] {
        members.push(inn.start(name, None).await);
    }
    until("sessions", || {
        members[0].node.board().borrow().nodes.values().filter(|seen| seen.live).count() == 3
    })
    .await;
    let joins = members[0].node.open(GROUP, Start::Join).await;
    assert!(joins.is_err(), "whoever joins begins with nothing");
    found(&members).await;
    for member in &members {
        assert_eq!(
            member.put(&inn.call(LONG), 7).await,
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
