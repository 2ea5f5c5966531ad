//! Nodes that are killed, paused and restarted under load.

use std::collections::BTreeMap;
use std::time::Duration;

use test_support::Cluster;

use crate::history::{History, inn};

const GROUP: &str = "reservations/0";
/// Operations that have to complete between two faults.
const MEANWHILE: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_and_pauses_keep_the_history_linearizable() {
    let mut cluster = Cluster::plan(3).hotels(inn()).open().await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    assert_eq!(history.refusals(), BTreeMap::new(), "no request is refused before the first fault");

    // Kill the leader, then a follower: no other node refuses a request.
    for leads in [true, false] {
        let leader = cluster.leader("n1", GROUP).await;
        let killed = if leads { leader } else { cluster.others(&leader).remove(0) };
        cluster.kill(&killed);
        history.wait_for_operations(MEANWHILE).await;
        cluster.start(&killed).await;
        history.wait_for_operations(MEANWHILE).await;
        cluster.wait_until_healthy().await;
        assert_eq!(history.refusals(), BTreeMap::new(), "{killed} was killed; leader: {leads}");
    }

    // Pause the leader, which is replaced meanwhile, then a follower.
    for leads in [true, false] {
        let leader = cluster.leader("n1", GROUP).await;
        let paused = if leads { leader } else { cluster.others(&leader).remove(0) };
        cluster.signal(&paused, "STOP");
        tokio::time::sleep(Duration::from_secs(10)).await;
        history.wait_for_operations(MEANWHILE).await;
        cluster.signal(&paused, "CONT");
        history.wait_for_operations(MEANWHILE).await;
        cluster.wait_until_healthy().await;
        // Requests to the paused node may have timed out.
        let mut refusals = history.refusals();
        refusals.remove(&paused);
        assert_eq!(refusals, BTreeMap::new(), "{paused} was paused; leader: {leads}");
    }

    // Kill all nodes at once.
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
