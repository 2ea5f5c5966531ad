//! A group that was founded anew, and its old majority that comes back on its old disks.

mod support;

use replica::{Start, Task};
use support::{GROUP, Inn, LONG, Member, found, until};

/// Three nodes; the first two are lost, and the third goes on alone. Brings it, and the others' disks.
async fn recovered(inn: &mut Inn) -> (Member, Vec<tempfile::TempDir>, Vec<u64>) {
    let mut members = inn.three().await;
    let ids = found(&members).await;
    let call = inn.call(LONG);
    for number in 0..10 {
        members[0].put(&call, number).await.unwrap();
    }
    let last = members.pop().unwrap();
    until("copy", || last.status().last_log == members[0].status().last_log).await;
    let mut disks = Vec::new();
    for member in members {
        disks.push(member.kill().await);
    }
    last.task("n3", Task::Refound { group: GROUP.into() }).await;
    until("leader", || last.node.ready() && last.status().leader).await;
    assert_eq!(last.put(&call, 5).await, Ok(2));
    (last, disks, ids)
}

fn held_back(member: &Member) -> bool {
    member.status().quarantined.is_some_and(|why| why.contains("founded anew without it"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_old_majority_that_comes_back_is_not_opened() {
    let mut inn = Inn::new();
    let (last, disks, ids) = recovered(&mut inn).await;
    let mut back = Vec::new();
    for (name, data) in ["n1", "n2"].into_iter().zip(disks) {
        back.push(inn.start(name, Some(data)).await);
    }
    for (member, id) in back.iter().zip(&ids) {
        member.node.hear_first(LONG).await;
        let failed = member.node.reopen_all().await.unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(held_back(member) && member.status().id == *id, "{:?}", member.status());
    }
    // Calls find the one that counts, and nobody is served by the others.
    let call = inn.call(LONG);
    assert_eq!(back[0].put(&call, 5).await, Ok(3));
    // Also after another restart, with nobody there to tell.
    let (second, first) = (back.pop().unwrap(), back.pop().unwrap());
    let data = first.stop().await;
    last.link.shutdown().await;
    let first = inn.start("n1", Some(data)).await;
    assert_eq!(first.node.reopen_all().await.unwrap().len(), 1);
    assert!(held_back(&first));
    for member in [first, second, last] {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_old_majority_that_leads_again_stops_when_it_hears() {
    let mut inn = Inn::new();
    let (last, disks, ids) = recovered(&mut inn).await;
    let data = last.stop().await;
    // Nobody is there who knows.
    let mut back = Vec::new();
    for (name, disk) in ["n1", "n2"].into_iter().zip(disks) {
        back.push(inn.start(name, Some(disk)).await);
    }
    for member in &back {
        assert!(member.node.reopen_all().await.unwrap().is_empty());
    }
    until("the old majority to lead", || back.iter().any(|member| member.status().leader)).await;
    let last = inn.start("n3", Some(data)).await;
    assert!(last.node.reopen_all().await.unwrap().is_empty());
    until("the old ones to stop", || back.iter().all(held_back)).await;
    until("leader", || last.node.ready() && last.status().leader).await;
    let call = inn.call(LONG);
    assert_eq!(back[0].put(&call, 5).await, Ok(3), "what was acknowledged after the recovery is there");

    // The directory has them dropped and made again.
    last.task("n1", Task::Drop { group: GROUP.into(), id: ids[0] }).await;
    assert!(!back[0].files());
    let fresh = last.task("n1", Task::Open { group: GROUP.into(), start: Start::Join }).await.id.unwrap();
    let add = Task::AddLearner { group: GROUP.into(), id: fresh, node: "n1".into() };
    last.node.task_at_leader(add, LONG).await.unwrap();
    until("copy", || back[0].status().applied == last.status().applied).await;
    for member in back.into_iter().chain([last]) {
        member.stop().await;
    }
}
