//! A service that placement rules isolate on its own node. The node is killed and restarted while the other services run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::{Cluster, NodePlan};

use crate::history::{History, inn};
use crate::text;

const MEANWHILE: usize = 40;
const OTHERS: [&str; 6] = ["auth", "payments", "pdf", "reservations", "ui", "users"];

/// The groups with a replica on each node.
fn places(shown: &Value) -> BTreeMap<String, Vec<String>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in shown["groups"].as_array().unwrap() {
        for replica in group["replicas"].as_array().unwrap() {
            places
                .entry(text(&replica["node"]).to_owned())
                .or_default()
                .push(text(&group["group"]).to_owned());
        }
    }
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_of_an_isolated_service_can_be_killed_and_restarted() {
    let mut settings = "[services.search]\nonly_on = [\"apart\"]\nreplicas = 1\n\n".to_owned();
    for other in OTHERS {
        settings.push_str(&format!("[services.{other}]\nnever_with = [\"search\"]\n\n"));
    }
    let plan = NodePlan { labels: vec!["apart".to_owned()], ..NodePlan::default() };
    let mut cluster = Cluster::plan(4).node("n4", plan).settings(&settings).hotels(inn()).open().await;
    let admin = cluster.admin("n1").await;
    let shown = cluster.status(&admin).await.unwrap();
    let places = places(&shown);
    let apart: Vec<_> = places["n4"].iter().filter(|group| !group.starts_with("directory/")).collect();
    assert_eq!(apart, ["search/0"], "{places:?}");
    assert!(places.iter().all(|(node, groups)| node == "n4" || !groups.contains(&"search/0".to_owned())));

    // The API refuses moves that violate the placement rules.
    for (group, to) in [("search/0", "n1"), ("reservations/0", "n4")] {
        let body = json!({"group": group, "to": to});
        admin.post("/v1/cluster/moves", &body).await.problem(409, "placement-rule");
    }

    let history = History::begin(&cluster).await;
    history.use_nodes(&cluster, &["n1", "n2", "n3"]);
    history.wait_for_operations(MEANWHILE).await;
    let search = "/v1/hotels?city=Krak%C3%B3w&check_in=";
    let search =
        format!("{search}{}&check_out={}&guests=2&rooms=1", test_support::day(300), test_support::day(301));
    let found = || async {
        let answer = admin.get(&search).attempt().await.ok().filter(|answer| answer.status == 200)?;
        answer.json()["items"].as_array().filter(|items| !items.is_empty()).map(drop)
    };
    test_support::eventually("the hotel to be found", found).await;
    // Kill the node, then stop it gracefully: bookings continue without an error.
    for killed in [true, false] {
        if killed {
            cluster.kill("n4");
        } else {
            cluster.stop("n4");
        }
        history.wait_for_operations(MEANWHILE).await;
        cluster.start("n4").await;
        test_support::eventually("the hotel to be found again", found).await;
        history.wait_for_operations(MEANWHILE).await;
        assert_eq!(history.refusals(), BTreeMap::new(), "n4 was killed or stopped; killed: {killed}");
    }
    history.end(&cluster).await;
}
