//! Concurrent moves and drains, and the crash of the directory leader that executes them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use test_support::{Caller, Cluster, eventually};

use crate::history::{History, inn};
use crate::text;

const MEANWHILE: usize = 40;

/// The leader and the nodes of a group, as reported by a node.
struct Group {
    name: String,
    leader: String,
    nodes: BTreeSet<String>,
}

/// Waits until all groups have a leader, and returns the groups.
async fn groups(cluster: &Cluster, admin: &Caller) -> Vec<Group> {
    let group = |group: &Value| {
        let nodes = group["replicas"].as_array()?.iter();
        Some(Group {
            name: text(&group["group"]).to_owned(),
            leader: group["leader"].as_str()?.to_owned(),
            nodes: nodes.map(|replica| text(&replica["node"]).to_owned()).collect(),
        })
    };
    eventually("all groups to have leaders", || async {
        cluster.status(admin).await?["groups"].as_array()?.iter().map(group).collect()
    })
    .await
}

async fn begin(admin: &Caller, group: &str, from: &str, to: &str) -> String {
    let body = json!({"group": group, "from": from, "to": to});
    let begun = admin.post("/v1/cluster/moves", &body).await.expect(202).json();
    text(&begun["id"]).to_owned()
}

/// Waits until a move has ended, and returns it.
async fn ended(admin: &Caller, id: &str) -> Value {
    eventually(&format!("{id} to end"), || async {
        let shown = admin.get(&format!("/v1/cluster/moves/{id}")).attempt().await.ok()?;
        let shown = (shown.status == 200).then(|| shown.json())?;
        ["done", "failed", "cancelled"].contains(&text(&shown["phase"])).then_some(shown)
    })
    .await
}

/// Waits until a group has a replica on one node and none on another.
async fn stands(cluster: &Cluster, admin: &Caller, group: &str, on: &str, not_on: &str) {
    eventually(&format!("{group} to be on {on} and not on {not_on}"), || async {
        let all = groups(cluster, admin).await;
        let found = all.into_iter().find(|found| found.name == group)?;
        (found.nodes.contains(on) && !found.nodes.contains(not_on)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_moves_and_drains_complete() {
    let mut cluster = Cluster::plan(4).hotels(inn()).open().await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    let admin = cluster.admin("n1").await;

    // Move two groups to one node at once.
    let all = groups(&cluster, &admin).await;
    let names = cluster.names();
    let takes =
        |node: &String| all.iter().filter(|group| !group.nodes.contains(node)).take(2).collect::<Vec<_>>();
    let (to, two) = names
        .iter()
        .map(|node| (node, takes(node)))
        .find(|(_, two)| two.len() == 2)
        .expect("no node can take two groups");
    let from = |group: &Group| group.nodes.iter().next().unwrap().clone();
    let (one, other) = (from(two[0]), from(two[1]));
    let begun = tokio::join!(begin(&admin, &two[0].name, &one, to), begin(&admin, &two[1].name, &other, to));
    // The same request during the move is refused or returns the existing move.
    let again = admin.post("/v1/cluster/moves", &json!({"group": two[0].name, "from": one, "to": to})).await;
    assert!([202, 409].contains(&again.status), "{}", again.text());
    for id in [begun.0, begun.1] {
        let moved = ended(&admin, &id).await;
        assert_eq!(moved["phase"], "done", "{moved}");
    }
    for (group, left) in [(two[0], &one), (two[1], &other)] {
        stands(&cluster, &admin, &group.name, to, left).await;
    }
    cluster.wait_until_healthy().await;
    assert_eq!(history.refusals(), BTreeMap::new(), "while two groups moved");
    let now = groups(&cluster, &admin).await;

    // Kill the leader of the directory during moves. The next leader completes them.
    let leader_node = now.iter().find(|group| group.name == "directory/0").unwrap().leader.clone();
    let mut ids = Vec::new();
    let at = cluster.others(&leader_node).remove(0);
    let admin = cluster.admin(&at).await;
    for group in &now {
        let to = names.iter().find(|node| !group.nodes.contains(*node) && **node != leader_node);
        let from = group.nodes.iter().find(|node| **node != leader_node && **node != group.leader);
        let (Some(to), Some(from)) = (to, from) else { continue };
        ids.push((group.name.clone(), from.clone(), to.clone(), begin(&admin, &group.name, from, to).await));
    }
    cluster.kill(&leader_node);
    assert!(!ids.is_empty(), "no group can be moved");
    history.wait_for_operations(MEANWHILE).await;
    for (_, _, _, id) in &ids {
        let moved = ended(&admin, id).await;
        assert_eq!(moved["phase"], "done", "{moved}");
    }
    cluster.start(&leader_node).await;
    cluster.wait_until_healthy().await;
    for (name, from, to, _) in &ids {
        stands(&cluster, &admin, name, to, from).await;
    }
    assert_eq!(history.refusals(), BTreeMap::new(), "the directory leader {leader_node} was killed");

    // Drain two nodes at once: one request is refused, and the problem names the other node.
    let drain = |node: &str| {
        let path = format!("/v1/cluster/nodes/{node}/drain");
        let admin = admin.clone();
        async move { admin.post(&path, &json!({})).await }
    };
    let (first, second) = tokio::join!(drain("n1"), drain("n2"));
    let (drained, refused) = if first.status == 202 { ("n1", second) } else { ("n2", first) };
    let problem = refused.problem(409, "one-node-at-a-time");
    assert_eq!(problem["other"], drained, "{problem}");
    eventually(&format!("{drained} to be empty"), || async {
        let shown = admin.get(&format!("/v1/cluster/nodes/{drained}")).await.expect(200).json();
        (shown["state"] == "drained" && shown["groups"] == 0).then_some(())
    })
    .await;
    // The drained node can be killed without any failed request.
    history.use_nodes(&cluster, &cluster.others(drained).iter().map(String::as_str).collect::<Vec<_>>());
    cluster.kill(drained);
    history.wait_for_operations(MEANWHILE).await;
    cluster.start(drained).await;
    admin.post(&format!("/v1/cluster/nodes/{drained}/uncordon"), &json!({})).await.expect(200);
    cluster.wait_until_healthy().await;
    assert_eq!(history.refusals(), BTreeMap::new(), "{drained} was drained");
    history.end(&cluster).await;
}
