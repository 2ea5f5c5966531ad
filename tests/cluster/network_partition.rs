//! Network partitions, delay and packet loss between nodes on their own hosts.

use std::collections::BTreeMap;

use serde_json::json;
use test_support::{Cluster, Network, Stay, eventually};

use crate::history::{History, inn};
use crate::text;

const GROUP: &str = "reservations/0";
/// Operations that have to complete between two faults.
const MEANWHILE: usize = 40;
/// Request timeout in seconds. Requests to a minority wait this long.
const REQUEST_SECS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partitioned_cluster_stays_linearizable() {
    let Some(network) = Network::of(3) else { return };
    let cluster = Cluster::plan(3).hotels(inn()).request_secs(REQUEST_SECS).on(network).open().await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    assert_eq!(history.refusals(), BTreeMap::new(), "no request is refused before the first fault");

    let (mut held_last, mut partner_last) = (String::new(), cluster.booker("n1").await);
    // Isolate the leader, then a follower.
    for leads in [true, false] {
        let leader = cluster.leader("n1", GROUP).await;
        let isolated = if leads { leader } else { cluster.others(&leader).remove(0) };
        let (admin, partner) = (cluster.admin(&isolated).await, cluster.booker(&isolated).await);
        let hotel = cluster.hotel(&isolated).await;
        // A night that no other client uses.
        let offer = partner.offer(&hotel, &Stay::from_day(400 + i64::from(leads), 1), "Flexible").await;
        cluster.set_isolated(&isolated, true);
        // The clients still use all nodes, so the responses of the isolated node are part of the history.
        history.wait_for_operations(MEANWHILE).await;

        // The isolated node refuses reads and writes.
        let read = format!("/v1/hotels/{hotel}/offers?{}", Stay::from_day(400, 1).query());
        partner.get(&read).await.problem(503, "unavailable");
        let body = json!({"offer": offer, "guest": {"name": "Alone", "email": "alone@guest.example"}});
        let key = format!("alone-{leads}");
        partner.post("/v1/reservations", &body).key(&key).await.problem(503, "unavailable");
        let readiness = partner.get("/readyz").await;
        assert_eq!(readiness.status, 503, "{}", readiness.text());
        partner.get("/healthz").await.expect(200);
        // The cluster status works without a majority.
        let shown = admin.get("/v1/cluster").await.expect(200).json();
        let down = shown["nodes"].as_array().unwrap().iter().filter(|node| node["state"] == "down").count();
        assert_eq!((down, &shown["state"]), (2, &json!("unavailable")), "{shown:#}");

        cluster.set_isolated(&isolated, false);
        cluster.wait_until_healthy().await;
        // Retries with the same key create one reservation.
        let held = partner.post("/v1/reservations", &body).key(&key).await.expect(201).json();
        let again = partner.post("/v1/reservations", &body).key(&key).await.expect(201).json();
        assert_eq!(held["id"], again["id"]);
        (held_last, partner_last) = (text(&held["id"]).to_owned(), partner);
        history.wait_for_operations(MEANWHILE).await;
        let mut refusals = history.refusals();
        refusals.remove(&isolated);
        assert_eq!(refusals, BTreeMap::new(), "{isolated} was isolated; leader: {leads}");
    }

    // Isolate all nodes: none of them serves requests.
    for name in cluster.names() {
        cluster.set_isolated(&name, true);
    }
    for name in cluster.names() {
        let (read, partner) = (format!("/v1/reservations/{held_last}"), partner_last.at(cluster.url(&name)));
        // A leader may serve reads until its lease ends: no other leader can commit a change before that.
        eventually(&format!("{name} to refuse reads"), || async {
            let answer = partner.get(&read).await;
            (answer.status != 200).then(|| answer.problem(503, "unavailable"))
        })
        .await;
    }
    for name in cluster.names() {
        cluster.set_isolated(&name, false);
    }
    cluster.wait_until_healthy().await;
    history.wait_for_operations(MEANWHILE).await;

    // Packets are delayed and lost.
    let network = cluster.network.as_ref().expect("the nodes run on their own hosts");
    if (0..3).all(|host| network.add_delay_and_loss(host, 20, 5)) {
        history.wait_for_operations(MEANWHILE).await;
        (0..3).for_each(|host| network.clear_delay_and_loss(host));
    }
    history.end(&cluster).await;
}
