//! A permanently lost majority: the groups are unavailable until an operator recovers them from a remaining replica.

use serde_json::json;
use test_support::{Caller, Cluster, NodePlan, Stay, eventually};

use crate::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_recovered_from_the_remaining_replica() {
    let mut cluster = Cluster::plan(3).request_secs(5).open().await;
    let partner = cluster.booker("n1").await;
    let hotel = cluster.hotel("n1").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    let mut held = Vec::new();
    for number in 0..10 {
        held.push(partner.hold(&offer, &format!("kept{number}@guest.example")).await);
    }
    cluster.wait_until_outboxes_empty("n1").await;
    let groups = cluster.status(&cluster.admin("n1").await).await.unwrap();
    let groups = groups["groups"].as_array().unwrap();
    let mut groups: Vec<String> = groups.iter().map(|group| text(&group["group"]).to_owned()).collect();
    // Recoveries are recorded in the directory, so the directory is recovered first.
    groups.sort_by_key(|group| group != "directory/0");
    let data = cluster.data("n1").to_string_lossy().into_owned();
    let recover = |cluster: &Cluster, group: &str, more: &[&str]| {
        let arguments = ["cluster", "recover", group, "--on", "n1", "--data", &data];
        cluster.operate("n1", &[&arguments[..], more].concat())
    };
    // Recovery is refused while the group has a majority, and without --accept-data-loss.
    let refused = recover(&cluster, "reservations/0", &["--accept-data-loss"]).refused();
    assert!(refused.contains("not lost"), "{refused}");
    let refused = recover(&cluster, "reservations/0", &[]).refused();
    assert!(refused.contains("--accept-data-loss"), "{refused}");

    // Two of three nodes are lost with their disks.
    for lost in ["n2", "n3"] {
        cluster.kill(lost);
        std::fs::remove_dir_all(cluster.data(lost)).unwrap();
    }
    let path = format!("/v1/reservations/{}", text(&held[0]["id"]));
    partner.get(&path).await.problem(503, "unavailable");
    for group in &groups {
        recover(&cluster, group, &["--accept-data-loss"]).done();
    }
    cluster.ready("n1").await;
    // All reservations of this replica exist, and it accepts new ones as the only replica.
    for held in &held {
        let found = partner.reservation(held).await;
        assert_eq!((&found["id"], &found["status"]), (&held["id"], &json!("held")));
    }
    held.push(partner.hold(&offer, "alone@guest.example").await);

    // The other nodes start with empty disks, and every group gets three replicas again.
    for lost in ["n2", "n3"] {
        cluster.start(lost).await;
    }
    cluster.wait_until_healthy().await;
    cluster.kill("n1");
    for held in &held {
        partner.at(cluster.url("n2")).reservation(held).await;
    }
    cluster.start("n1").await;
    cluster.wait_until_healthy().await;
    cluster.wait_until_outboxes_empty("n1").await;
    cluster.assert_invariants("n1");
}

/// Checks that the reservation can be read through every node.
async fn is_there(cluster: &Cluster, partner: &Caller, held: &serde_json::Value) {
    for node in cluster.names() {
        let found = partner.at(cluster.url(&node)).reservation(held).await;
        assert_eq!((&found["id"], &found["status"]), (&held["id"], &json!("held")), "at {node}");
    }
}

/// The lost nodes start again with their disks while the recovered node is down. They have a majority of the old replicas and serve
/// the old state. Once the recovered node runs again, the old replicas are stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_replicas_stop_when_the_recovered_node_is_back() {
    let mut cluster = Cluster::plan(3).open().await;
    let partner = cluster.booker("n1").await;
    let hotel = cluster.hotel("n1").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    let before = partner.hold(&offer, "before@guest.example").await;
    cluster.wait_until_outboxes_empty("n1").await;
    let groups = cluster.status(&cluster.admin("n1").await).await.unwrap();
    let groups = groups["groups"].as_array().unwrap();
    let mut groups: Vec<String> = groups.iter().map(|group| text(&group["group"]).to_owned()).collect();
    groups.sort_by_key(|group| (group != "directory/0", group != "auth/0"));
    for lost in ["n2", "n3"] {
        cluster.kill(lost);
    }
    let data = cluster.data("n1").to_string_lossy().into_owned();
    for group in &groups {
        let arguments = ["cluster", "recover", group, "--on", "n1", "--data", &data, "--accept-data-loss"];
        cluster.operate("n1", &arguments).done();
    }
    cluster.ready("n1").await;
    let partner = cluster.booker("n1").await;
    let alone = partner.hold(&offer, "alone@guest.example").await;

    // Without the recovered node, the old nodes have a majority of the replicas in their configuration.
    cluster.stop("n1");
    for lost in ["n2", "n3"] {
        cluster.launch(lost);
    }
    for lost in ["n2", "n3"] {
        cluster.ready(lost).await;
    }
    partner
        .at(cluster.url("n2"))
        .get(&format!("/v1/reservations/{}", text(&alone["id"])))
        .await
        .problem(404, "not-found");
    // With the recovered node, the old replicas stop: reservations acknowledged after the recovery exist and stay.
    cluster.launch("n1");
    cluster.ready("n1").await;
    eventually("the old replicas to be stopped", || async {
        let logs = ["n2", "n3"].map(|node| cluster.log(node));
        logs.iter()
            .all(|log| {
                groups.iter().all(|group| {
                    log.lines().any(|line| {
                        line.contains("recovered without this replica") && line.contains(group.as_str())
                    })
                })
            })
            .then_some(())
    })
    .await;
    cluster.wait_until_healthy().await;
    let partner = cluster.booker("n1").await;
    for held in [&before, &alone] {
        let admin = cluster.admin("n1").await;
        let found = admin.reservation(held).await;
        assert_eq!((&found["id"], &found["status"]), (&held["id"], &json!("held")));
    }
    let after = partner.hold(&offer, "after@guest.example").await;
    is_there(&cluster, &partner, &after).await;
    // The same after all nodes are killed and started at once.
    for node in ["n1", "n2", "n3"] {
        cluster.kill(node);
    }
    for node in ["n1", "n2", "n3"] {
        cluster.launch(node);
    }
    cluster.wait_until_healthy().await;
    is_there(&cluster, &partner, &after).await;
    cluster.wait_until_outboxes_empty("n2").await;
    cluster.assert_invariants("n2");
}

/// The replica that remains lacks entries whose events other services have received. The events of the recovered group have
/// numbers that no receiver has seen: otherwise the next bookings could not be paid, and search would not learn of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bookings_go_on_after_the_recovery_of_a_lagging_replica() {
    let labelled = |label: &str| NodePlan { labels: vec![label.to_owned()], ..NodePlan::default() };
    let mut settings = "[services.reservations]\nonly_on = [\"rooms\"]\n".to_owned();
    for other in ["directory", "auth", "payments", "pdf", "search", "ui", "users"] {
        settings.push_str(&format!("[services.{other}]\nonly_on = [\"rest\"]\nreplicas = 1\n"));
    }
    let mut plan = Cluster::plan(4).settings(&settings).node("n4", labelled("rest")).request_secs(5);
    for name in ["n1", "n2", "n3"] {
        plan = plan.node(name, labelled("rooms"));
    }
    let mut cluster = plan.open().await;
    cluster.wait_until_healthy().await;
    let partner = cluster.booker("n4").await;
    let hotel = cluster.hotel("n4").await;
    let stay = Stay::from_day(40, 2);
    let offer = partner.offer(&hotel, &stay, "Flexible").await;
    let kept = partner.hold(&offer, "kept@guest.example").await;
    cluster.wait_until_outboxes_empty("n4").await;

    // n1 stops and misses many events, which the other services receive. Then the rest of the group is lost.
    cluster.lead("reservations/0", "n2").await;
    cluster.stop("n1");
    for number in 0..12 {
        let held = partner.hold(&offer, &format!("lost{number}@guest.example")).await;
        partner.pay(&held, "pm_card_visa").await;
    }
    cluster.wait_until_outboxes_empty("n4").await;
    for lost in ["n2", "n3"] {
        cluster.kill(lost);
        std::fs::remove_dir_all(cluster.data(lost)).unwrap();
    }
    cluster.launch("n1");
    let data = cluster.data("n1").to_string_lossy().into_owned();
    eventually("the recovery to be accepted", || async {
        let arguments =
            ["cluster", "recover", "reservations/0", "--on", "n1", "--data", &data, "--accept-data-loss"];
        let ran = cluster.operate("n4", &arguments);
        (ran.code == Some(0)).then_some(())
    })
    .await;
    cluster.ready("n1").await;
    partner.reservation(&kept).await;

    let rooms_left = || async {
        let path = format!("/v1/hotels/{hotel}/offers?{}", stay.query());
        partner.get(&path).await.expect(200).json()["items"][0]["rooms_left"].clone()
    };
    let before = rooms_left().await;
    let offer = partner.offer(&hotel, &stay, "Flexible").await;
    for number in 0..3 {
        let held = partner.hold(&offer, &format!("after{number}@guest.example")).await;
        let paid = partner.pay(&held, "pm_card_visa").await;
        assert_eq!(paid["status"], "succeeded", "{paid}");
        partner.once(&held, "confirmed").await;
    }
    assert_ne!(rooms_left().await, before);
    cluster.wait_until_outboxes_empty("n4").await;
}
