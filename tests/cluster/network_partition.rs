//! Networks that are split, slow and lossy, between hosts with a network stack of their own.

use std::collections::BTreeMap;

use serde_json::json;
use test_support::{Cluster, Network, Stay, eventually};

use crate::history::{History, inn};
use crate::text;

const GROUP: &str = "reservations/0";
/// Operations that have to be answered before the next thing happens.
const MEANWHILE: usize = 40;
/// Requests end after so many seconds: who asks a minority waits as long.
const REQUEST_SECS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_network_never_gives_a_wrong_answer() {
    let Some(network) = Network::of(3) else { return };
    let cluster = Cluster::plan(3).hotels(inn()).request_secs(REQUEST_SECS).on(network).open().await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    assert_eq!(history.refusals(), BTreeMap::new(), "nothing has happened yet");

    let (mut held_last, mut partner_last) = (String::new(), cluster.booker("n1").await);
    // Both ways round: the leader is alone, then one that follows is.
    for leads in [true, false] {
        let leader = cluster.leader("n1", GROUP).await;
        let alone = if leads { leader } else { cluster.others(&leader).remove(0) };
        let (admin, partner) = (cluster.admin(&alone).await, cluster.booker(&alone).await);
        let hotel = cluster.hotel(&alone).await;
        // Nights that nobody else asks for.
        let offer = partner.offer(&hotel, &Stay::from_day(400 + i64::from(leads), 1), "Flexible").await;
        cluster.set_isolated(&alone, true);
        // Guests go on asking everywhere: what the lone node says counts too.
        history.wait_for_operations(MEANWHILE).await;

        // Who is alone knows that it cannot know.
        let read = format!("/v1/hotels/{hotel}/offers?{}", Stay::from_day(400, 1).query());
        partner.get(&read).await.problem(503, "unavailable");
        let body = json!({"offer": offer, "guest": {"name": "Alone", "email": "alone@guest.example"}});
        let key = format!("alone-{leads}");
        partner.post("/v1/reservations", &body).key(&key).await.problem(503, "unavailable");
        let readiness = partner.get("/readyz").await;
        assert_eq!(readiness.status, 503, "{}", readiness.text());
        partner.get("/healthz").await.expect(200);
        // An operator sees it from there: this much works without a majority.
        let shown = admin.get("/v1/cluster").await.expect(200).json();
        let down = shown["nodes"].as_array().unwrap().iter().filter(|node| node["state"] == "down").count();
        assert_eq!((down, &shown["state"]), (2, &json!("unavailable")), "{shown:#}");

        cluster.set_isolated(&alone, false);
        cluster.wait_until_healthy().await;
        // Asked again, it is done: once.
        let held = partner.post("/v1/reservations", &body).key(&key).await.expect(201).json();
        let again = partner.post("/v1/reservations", &body).key(&key).await.expect(201).json();
        assert_eq!(held["id"], again["id"]);
        (held_last, partner_last) = (text(&held["id"]).to_owned(), partner);
        history.wait_for_operations(MEANWHILE).await;
        let mut refusals = history.refusals();
        refusals.remove(&alone);
        assert_eq!(refusals, BTreeMap::new(), "{alone} was alone; it led: {leads}");
    }

    // All apart: nobody serves, and nobody pretends to.
    for name in cluster.names() {
        cluster.set_isolated(&name, true);
    }
    for name in cluster.names() {
        let (read, partner) = (format!("/v1/reservations/{held_last}"), partner_last.at(cluster.url(&name)));
        // A leader may answer until its lease ends: nobody else can have changed anything before that.
        eventually(&format!("{name} to know that it is alone"), || async {
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

    // Late and lossy: slower, and still right.
    let network = cluster.network.as_ref().expect("hosts");
    if (0..3).all(|host| network.add_delay_and_loss(host, 20, 5)) {
        history.wait_for_operations(MEANWHILE).await;
        (0..3).for_each(|host| network.clear_delay_and_loss(host));
    }
    history.end(&cluster).await;
}
