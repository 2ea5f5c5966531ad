//! A group that was recovered from one replica, and its old majority that comes back on its old disks.

mod support;

use replica::{StartMode, Task};
use support::{GROUP, LONG, TestCluster, TestNode, bootstrap_group, until};

/// Three nodes, of which the first two are lost and the group is recovered on the third. Returns it, and the others'
/// disks and raft ids.
async fn recovered(cluster: &mut TestCluster) -> (TestNode, Vec<tempfile::TempDir>, Vec<u64>) {
    let mut members = cluster.three().await;
    let ids = bootstrap_group(&members).await;
    let call = cluster.call(LONG);
    for number in 0..10 {
        members[0].put(&call, number).await.unwrap();
    }
    let last = members.pop().unwrap();
    until("copy", || last.status().last_log == members[0].status().last_log).await;
    let mut disks = Vec::new();
    for member in members {
        disks.push(member.kill().await);
    }
    last.task("n3", Task::Recover { group: GROUP.into() }).await;
    until("leader", || last.node.ready() && last.status().leader).await;
    assert_eq!(last.put(&call, 5).await, Ok(2));
    (last, disks, ids)
}

fn retired(member: &TestNode) -> bool {
    member.status().quarantined.is_some_and(|why| why.contains("recovered without this replica"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_old_majority_that_comes_back_is_not_opened() {
    let mut cluster = TestCluster::new();
    let (last, disks, ids) = recovered(&mut cluster).await;
    let mut back = Vec::new();
    for (name, data) in ["n1", "n2"].into_iter().zip(disks) {
        back.push(cluster.start(name, Some(data)).await);
    }
    for (member, id) in back.iter().zip(&ids) {
        member.node.sync_retired_replicas(LONG).await;
        let failed = member.node.reopen_all().await.unwrap();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(retired(member) && member.status().id == *id, "{:?}", member.status());
    }
    // Calls are routed to the recovered replica.
    let call = cluster.call(LONG);
    assert_eq!(back[0].put(&call, 5).await, Ok(3));
    // Also after another restart, while no other node is up.
    let (second, first) = (back.pop().unwrap(), back.pop().unwrap());
    let data = first.stop().await;
    last.link.shutdown().await;
    let first = cluster.start("n1", Some(data)).await;
    assert_eq!(first.node.reopen_all().await.unwrap().len(), 1);
    assert!(retired(&first));
    for member in [first, second, last] {
        member.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_old_majority_that_leads_again_stops_when_it_learns_of_the_recovery() {
    let mut cluster = TestCluster::new();
    let (last, disks, ids) = recovered(&mut cluster).await;
    let data = last.stop().await;
    // No node that has stored the recovery is up.
    let mut back = Vec::new();
    for (name, disk) in ["n1", "n2"].into_iter().zip(disks) {
        back.push(cluster.start(name, Some(disk)).await);
    }
    for member in &back {
        assert!(member.node.reopen_all().await.unwrap().is_empty());
    }
    until("the old majority to lead", || back.iter().any(|member| member.status().leader)).await;
    let last = cluster.start("n3", Some(data)).await;
    assert!(last.node.reopen_all().await.unwrap().is_empty());
    until("the old replicas to stop", || back.iter().all(retired)).await;
    until("leader", || last.node.ready() && last.status().leader).await;
    let call = cluster.call(LONG);
    assert_eq!(back[0].put(&call, 5).await, Ok(3), "commands acknowledged after the recovery are kept");

    // The directory deletes the old replicas and creates others.
    last.task("n1", Task::DeleteReplica { group: GROUP.into(), id: ids[0] }).await;
    assert!(!back[0].files());
    let fresh =
        last.task("n1", Task::OpenReplica { group: GROUP.into(), start: StartMode::Join }).await.id.unwrap();
    let add = Task::AddLearner { group: GROUP.into(), id: fresh, node: "n1".into() };
    last.node.task_at_leader(add, LONG).await.unwrap();
    until("copy", || back[0].status().applied == last.status().applied).await;
    for member in back.into_iter().chain([last]) {
        member.stop().await;
    }
}
