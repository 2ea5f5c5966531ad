//! Changes of cluster settings at run time: dry run, application, the moves that follow, and the audit log.

use serde_json::{Value, json};
use test_support::{Caller, Cluster, NodePlan, eventually};

use crate::text;

/// Waits until a group has a leader and the cluster has no moves, and returns the nodes of its replicas.
async fn voters(cluster: &Cluster, admin: &Caller, group: &str) -> Vec<String> {
    eventually(&format!("{group} to have a leader and no moves"), || async {
        let shown = cluster.status(admin).await?;
        let groups = shown["groups"].as_array()?;
        let found = groups.iter().find(|found| found["group"] == group)?;
        let settled = shown["moves"].as_array()?.is_empty() && found["leader"].is_string();
        let replicas = found["replicas"].as_array()?.iter();
        settled.then(|| replicas.map(|replica| text(&replica["node"]).to_owned()).collect())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_settings_are_previewed_applied_and_audited() {
    let paper = NodePlan { labels: vec!["paper".to_owned()], ..NodePlan::default() };
    let mut cluster = Cluster::plan(3).node("n3", paper).hotels(vec![]).open().await;
    for node in ["n1", "n2", "n3"] {
        cluster.wait_for_log(node, &format!("Node {node} is ready at")).await;
    }
    let admin = cluster.admin("n1").await;
    let original = std::fs::read_to_string(cluster.config()).unwrap();
    let changed = cluster.path().join("changed.toml");
    let file = changed.to_string_lossy().into_owned();
    let configure = |cluster: &Cluster, tables: &str, more: &[&str]| {
        std::fs::write(&changed, format!("{original}\n{tables}")).unwrap();
        cluster.operate("n1", &[&["cluster", "configure", "--config", &file], more].concat())
    };
    assert_eq!(voters(&cluster, &admin, "pdf/0").await, ["n1", "n2", "n3"]);
    let same = configure(&cluster, "", &[]).done();
    assert!(same.contains("has these settings already"), "{same}");

    // Settings that are fixed at initialisation and invalid values are refused.
    let shards = configure(&cluster, "[services.pdf]\nshards = 2\n", &[]).refused();
    assert!(shards.contains("fixed at 1 when the cluster was made, not 2"), "{shards}");
    let even = configure(&cluster, "[services.pdf]\nreplicas = 2\n", &[]).refused();
    assert!(even.contains("1, 3, 5 or 7"), "{even}");

    // A dry run prints the changes and applies none.
    let one = "[services.pdf]\nreplicas = 1\n";
    let tried = configure(&cluster, one, &["--dry-run"]).done();
    assert!(tried.contains("services.pdf.replicas: 3 → 1") && tried.contains("pdf/0  – "), "{tried}");
    assert!(tried.contains("nothing was changed"), "{tried}");
    let settings = admin.get("/v1/cluster/settings").await.expect(200).json();
    let pdf = |settings: &Value| {
        let services = settings["services"].as_array().unwrap().clone();
        services.into_iter().find(|service| service["service"] == "pdf").unwrap()
    };
    assert_eq!(pdf(&settings)["replicas"], 3, "{settings}");

    // From three replicas to one, then to the node with the label, and back to three.
    let adopted = configure(&cluster, one, &[]).done();
    assert!(adopted.contains("1 move made"), "{adopted}");
    assert_eq!(voters(&cluster, &admin, "pdf/0").await.len(), 1);
    let labelled = "[services.pdf]\nreplicas = 1\nonly_on = [\"paper\"]\n";
    configure(&cluster, labelled, &[]).done();
    assert_eq!(voters(&cluster, &admin, "pdf/0").await, ["n3"]);
    let more = json!({"group": "pdf/0", "to": "n1"});
    admin.post("/v1/cluster/moves", &more).await.problem(409, "placement-rule");
    let printed = configure(&cluster, "[cluster]\nname = \"inn\"\nreplace_after = \"7m\"\n", &["--json"]);
    // The file has the table twice, so the error names the line.
    assert!(printed.refused().contains("line"));
    let later = original.replace("[cluster]\n", "[cluster]\nreplace_after = \"7m\"\n");
    std::fs::write(&changed, &later).unwrap();
    let printed = cluster.operate("n1", &["cluster", "configure", "--config", &file, "--json"]).done();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let changes: Vec<&str> =
        printed["changes"].as_array().unwrap().iter().map(|change| text(&change["setting"])).collect();
    assert_eq!(changes, ["cluster.replace_after", "services.pdf.replicas", "services.pdf.only_on"]);
    assert!(printed["moves"].as_array().is_some_and(|moves| !moves.is_empty()), "{printed}");
    assert_eq!(voters(&cluster, &admin, "pdf/0").await, ["n1", "n2", "n3"]);
    cluster.wait_until_healthy().await;

    // A node whose settings file differs from the cluster settings logs the differences when it starts.
    cluster.stop("n2");
    cluster.start("n2").await;
    cluster.wait_for_log("n2", "cluster.replace_after: 420s → 300s").await;
    assert!(cluster.log("n2").contains("auberge cluster configure"));

    // The audit log names the client that changed the settings.
    let audit = cluster.operate("n1", &["cluster", "audit"]).done();
    let line = audit.lines().find(|line| line.contains("configure")).unwrap_or_else(|| panic!("{audit}"));
    assert!(line.contains("admin") && line.contains("replace_after"), "{line}");
    let entries = cluster.operate("n1", &["cluster", "audit", "--limit", "2", "--json"]).done();
    let entries: Value = serde_json::from_str(&entries).unwrap();
    assert_eq!(entries.as_array().map(Vec::len), Some(2), "{entries}");
    let all = cluster.operate("n1", &["cluster", "audit", "--limit", "1000", "--json"]).done();
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all.as_array().unwrap().last().unwrap()["verb"], "found", "{all}");
    cluster.assert_invariants("n1");
}
