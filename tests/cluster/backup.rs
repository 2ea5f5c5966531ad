//! Backup of a whole cluster under load, through any node, and restore into another cluster and into a single server.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use test_support::{Cluster, Stay, TestServer};

use crate::text;

const SETTINGS: &str = "[services.reservations]\nshards = 2\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_is_restored_to_a_cluster_and_to_a_single_server() {
    let mut cluster = Cluster::plan(3).settings(SETTINGS).open().await;
    let partner = cluster.booker("n1").await;
    let hotel = cluster.hotel("n1").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    let held = partner.hold(&offer, "kept@guest.example").await;
    let payment = partner.pay(&held, "pm_card_visa").await;
    partner.once(&held, "confirmed").await;
    let archive = cluster.path().join("backup.auberge");
    let name = archive.to_string_lossy().into_owned();
    let (loaded, made) = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let load = ["load", "--mix", "journey", "--connections", "4", "--seconds", "8", "--json"];
            let load = scope.spawn({
                let cluster = &cluster;
                move || cluster.operate("n1", &load).done()
            });
            std::thread::sleep(Duration::from_secs(5));
            let made = cluster.operate("n3", &["backup", "create", &name]);
            (load.join().expect("the load thread panicked"), made)
        })
    });
    made.done();
    let report: Value = serde_json::from_str(&loaded).expect("the load report is not JSON");
    assert_eq!(report["failed"], 0, "requests failed during the backup: {report:#}");
    assert!(report["successes"].as_u64() > Some(10), "{report:#}");
    println!("longest gap between responses during a backup: {} ms", report["longest_gap_ms"]);
    cluster.wait_until_outboxes_empty("n2").await;
    cluster.assert_invariants("n2");
    // A backup without a majority fails, leaves no archive, and leaves nothing paused.
    cluster.kill("n1");
    cluster.kill("n2");
    let again = cluster.path().join("again.auberge");
    let refused = cluster.operate("n3", &["backup", "create", &again.to_string_lossy()]).refused();
    println!("backup without a majority: {refused}");
    assert!(!again.exists());
    cluster.start("n1").await;
    cluster.start("n2").await;
    cluster.wait_until_healthy().await;
    cluster.operate("n2", &["backup", "create", &again.to_string_lossy()]).done();

    let key = cluster.data("n1").join("cluster.key");
    let admin = cluster.admin_file().to_owned();
    // The number of shards of a restored store cannot change.
    let other = cluster.path().join("other");
    let restored = cluster.path().join("restored");
    let place = restored.to_string_lossy().into_owned();
    let key_file = key.to_string_lossy().into_owned();
    cluster.auberge(&["restore", &name, "--key", &key_file, "--data", &place]).done();
    let checked = cluster.auberge(&["check", "--data", &place]).done();
    assert!(checked.contains("no invariant violated"), "{checked}");
    fs::write(&other, "[services.reservations]\nshards = 3\n").expect("cannot write the settings file");
    let other = other.to_string_lossy().into_owned();
    let refused = cluster.auberge(&["serve", "--data", &place, "--config", &other]).refused();
    assert!(refused.contains("reservations has 2 shards in this store"), "{refused}");

    // Restore into a single server.
    fs::copy(&admin, restored.join("admin.json")).expect("cannot copy admin.json");
    let mut server = TestServer::plan().data(restored).hotels(Vec::new()).open().await;
    let owner = server.admin().await;
    owner.get(&format!("/v1/payments/{}", text(&payment["id"]))).await.expect(200);
    assert_eq!(owner.reservation(&held).await["status"], "confirmed");
    server.assert_invariants().await;
    // The administrator file still has the cluster's URL, so pass the URL of this server.
    let url = server.url.clone();
    server.operate(&["restore", "--release-effects", "--running", "--url", &url]).done();
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
    server.stop();

    // Restore into another cluster.
    let restored = Cluster::plan(3).settings(SETTINGS).restored(&archive, &key, &admin).open().await;
    for name in restored.names() {
        let owner = restored.admin(&name).await;
        assert_eq!(owner.reservation(&held).await["status"], "confirmed", "at {name}");
        owner.get(&format!("/v1/payments/{}", text(&payment["id"]))).await.expect(200);
    }
    restored.assert_invariants("n2");
    let partner = restored.booker("n3").await;
    let offer = partner.offer(&hotel, &Stay::from_day(60, 1), "Flexible").await;
    let after = partner.hold(&offer, "after@guest.example").await;
    // The status names the option that releases paused mails and payments, until they are released.
    let effects_paused =
        || restored.operate("n2", &["cluster", "status"]).done().contains("--release-effects");
    assert!(effects_paused(), "{}", restored.operate("n2", &["cluster", "status"]).done());
    restored.operate("n3", &["restore", "--release-effects", "--running"]).done();
    partner.pay(&after, "pm_card_visa").await;
    partner.once(&after, "confirmed").await;
    restored.wait_until_outboxes_empty("n1").await;
    test_support::eventually("the status to show no paused effects", || async {
        (!effects_paused()).then_some(())
    })
    .await;
    restored.assert_invariants("n1");
}
