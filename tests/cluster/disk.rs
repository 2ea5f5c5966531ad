//! A node whose disk is full.

use test_support::{Cluster, NodePlan, SmallDisk};

use crate::history::{History, inn};

const MEANWHILE: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_on_one_node_does_not_stop_the_others() {
    let Some(disk) = SmallDisk::mount(192) else { return };
    let plan = NodePlan { data: Some(disk.place.join("data")), ..NodePlan::default() };
    let mut cluster = Cluster::plan(3).node("n3", plan).hotels(inn()).open().await;
    // The worst case: the node with the full disk is the leader.
    cluster.lead("reservations/0", "n3").await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    let ballast = disk.fill();
    // Run long enough to use up the disk space that the node has reserved.
    for _ in 0..5 {
        history.wait_for_operations(MEANWHILE).await;
    }
    let refusals = history.refusals();
    println!(
        "refused while the disk was full: {:?}",
        refusals.iter().map(|(node, all)| (node, all.len())).collect::<Vec<_>>()
    );
    // Free the space, and restart the node.
    cluster.kill("n3");
    std::fs::remove_file(ballast).unwrap();
    cluster.start("n3").await;
    cluster.wait_until_healthy().await;
    history.wait_for_operations(MEANWHILE).await;
    history.end(&cluster).await;
    cluster.stop("n3");
}
