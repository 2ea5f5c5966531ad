//! The cluster API and the cluster commands on a single server: the same paths as in a cluster.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::TestServer;

use crate::text;

#[tokio::test]
async fn a_single_server_reports_its_status() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let admin = server.admin().await;
    let cluster = admin.get("/v1/cluster").await.expect(200).json();
    assert_eq!(
        (text(&cluster["state"]), &cluster["attention"], &cluster["moves"]),
        ("healthy", &json!([]), &json!([])),
        "{cluster}"
    );
    let nodes = admin.get("/v1/cluster/nodes").await.expect(200).json();
    assert_eq!(nodes["items"][0]["name"], cluster["nodes"][0]["name"]);
    let node = &nodes["items"][0];
    assert_eq!((text(&node["state"]), &node["safe_to_stop"]), ("up", &json!(false)));
    assert_eq!((node["groups"].as_u64(), node["leaders"].as_u64()), (Some(7), Some(7)), "{node}");
    let name = text(&node["name"]);
    assert_eq!(admin.get(&format!("/v1/cluster/nodes/{name}")).await.expect(200).json()["name"], *name);
    let groups = admin.get("/v1/cluster/groups").await.expect(200).json();
    for group in groups["items"].as_array().unwrap() {
        assert_eq!((text(&group["state"]), text(&group["leader"])), ("healthy", name), "{group}");
        let replicas = group["replicas"].as_array().unwrap();
        assert_eq!((replicas.len(), text(&replicas[0]["role"])), (1, "voter"), "{group}");
    }
    let auth = admin.get("/v1/cluster/groups/auth/0").await.expect(200).json();
    assert_eq!(auth["group"], "auth/0");
    for missing in ["groups/auth/9", "groups/none/0", "nodes/none", "moves/mov_1", "moves/x"] {
        admin.get(&format!("/v1/cluster/{missing}")).await.problem(404, "not-found");
    }
    for list in ["moves", "audit"] {
        let page = admin.get(&format!("/v1/cluster/{list}")).await.expect(200).json();
        assert_eq!(page, json!({"items": [], "next_cursor": null}), "{list}");
    }
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_single_server_refuses_moves() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let admin = server.admin().await;
    let a_move = json!({"group": "auth/0", "to": "n2"});
    let requests = [
        ("moves", a_move),
        ("nodes/n1/drain", json!({})),
        ("nodes/n1/drain?dry_run=true", json!({})),
        ("nodes/n1/uncordon", json!({})),
        ("nodes/n1/decommission", json!({})),
        ("rebalance", json!({})),
        ("rebalance", json!({"dry_run": true})),
        ("groups/auth/0/recover", json!({"on": "n1", "accept_data_loss": true})),
    ];
    for (path, body) in requests {
        let refused = admin.post(&format!("/v1/cluster/{path}"), &body).await.problem(409, "one-node");
        assert_eq!(refused["title"], "A move needs a second node", "{path}");
    }
    admin.post("/v1/cluster/moves", &json!({"group": "auth/0"})).await.complains_of(
        400,
        "invalid-request",
        "/to",
    );
    admin.post("/v1/cluster/moves/mov_1/cancel", &json!({})).await.problem(404, "not-found");
    for command in [
        vec!["move", "auth/0", "--to", "n2"],
        vec!["drain", "n1"],
        vec!["rebalance", "--dry-run"],
        vec!["recover", "auth/0", "--on", "n1", "--accept-data-loss"],
    ] {
        let refused = server.operate(&[&["cluster"], command.as_slice()].concat()).refused();
        assert!(refused.contains("A move needs a second node"), "{command:?}: {refused}");
    }
    let careful = server.operate(&["cluster", "recover", "auth/0", "--on", "n1"]).refused();
    assert!(careful.contains("--accept-data-loss"), "{careful}");
    let wrong = server.operate(&["cluster", "move", "auth/0"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
}

#[tokio::test]
async fn commands_print_tables_and_json() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let status = server.operate(&["cluster", "status"]).done();
    assert!(status.contains("healthy") && status.contains("reservations/0"), "{status}");
    for command in ["status", "nodes", "groups", "moves"] {
        server.operate(&["cluster", command]).done();
        let printed = server.operate(&["cluster", command, "--json"]).done();
        serde_json::from_str::<Value>(&printed)
            .unwrap_or_else(|error| panic!("{command}: {error}: {printed}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_begin_with_a_snapshot_and_end_when_the_server_stops() {
    let mut server = TestServer::plan().hotels(vec![]).open().await;
    let partner = server.partner("reservations:read").await;
    partner.get("/v1/cluster/events").await.problem(403, "forbidden");
    let watcher = server.partner("cluster:read").await;
    let watching = tokio::spawn(async move {
        watcher.get("/v1/cluster/events").header("last-event-id", "n9-123").await.expect(200)
    });
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!watching.is_finished());
    let begun = Instant::now();
    server.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "an open stream delayed the shutdown: it took {:?}",
        begun.elapsed()
    );
    let answer = watching.await.unwrap();
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let body = answer.text();
    let events: Vec<&str> = body.split("\n\n").collect();
    assert_eq!(events[0], "retry: 1000");
    let lines: Vec<&str> = events[1].lines().collect();
    assert!(lines[0].starts_with("id: ") && lines[1] == "event: snapshot", "{}", events[1]);
    let snapshot: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(snapshot["groups"].as_array().unwrap().len(), 7);
    // At least one event or keep-alive comment arrives every five seconds.
    assert!(events.len() > 2 && events[2..].iter().any(|one| !one.is_empty()), "{body}");
}
