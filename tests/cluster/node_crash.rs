//! Nodes that are killed, paused and started again while guests book.

use std::collections::BTreeMap;
use std::time::Duration;

use test_support::Cluster;

use crate::history::{History, inn};

const GROUP: &str = "reservations/0";
/// Operations that have to be answered before the next thing happens.
const MEANWHILE: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_paused_and_restarted_without_a_wrong_answer() {
    let mut cluster = Cluster::plan(3).hotels(inn()).open().await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    assert_eq!(history.refusals(), BTreeMap::new(), "nothing has happened yet");

    // The leader, and then one that follows: nobody who asks elsewhere is told that it cannot be done.
    for leads in [true, false] {
        let leader = cluster.leader("n1", GROUP).await;
        let killed = if leads { leader } else { cluster.others(&leader).remove(0) };
        cluster.kill(&killed);
        history.wait_for_operations(MEANWHILE).await;
        cluster.start(&killed).await;
        history.wait_for_operations(MEANWHILE).await;
        cluster.wait_until_healthy().await;
        assert_eq!(history.refusals(), BTreeMap::new(), "{killed} was killed; it led: {leads}");
    }

    // A leader that does not know that it has none to lead any more, and one that has slept.
    for leads in [true, false] {
        let leader = cluster.leader("n1", GROUP).await;
        let paused = if leads { leader } else { cluster.others(&leader).remove(0) };
        cluster.signal(&paused, "STOP");
        tokio::time::sleep(Duration::from_secs(10)).await;
        history.wait_for_operations(MEANWHILE).await;
        cluster.signal(&paused, "CONT");
        history.wait_for_operations(MEANWHILE).await;
        cluster.wait_until_healthy().await;
        // What was asked of it while it slept may have run out of time.
        let mut refusals = history.refusals();
        refusals.remove(&paused);
        assert_eq!(refusals, BTreeMap::new(), "{paused} was paused; it led: {leads}");
    }

    // All at once.
    for name in cluster.names() {
        cluster.kill(&name);
    }
    for name in cluster.names() {
        cluster.launch(&name);
    }
    cluster.wait_until_healthy().await;
    history.wait_for_operations(MEANWHILE).await;
    history.end(&cluster).await;
}
