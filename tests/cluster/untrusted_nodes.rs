//! Nodes with invalid certificates or settings, and nodes with a replaced disk.

use std::path::Path;

use test_support::{Caller, Cluster, NodePlan, Stay};

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Creates a certificate authority if the directory has none, and a certificate of it for a node. Returns the directory of the
/// certificate.
fn certify(cluster: &Cluster, home: &str, name: &str, node: &str, key: &Path) -> std::path::PathBuf {
    let home = cluster.path().join(home);
    let (text, key) = (home.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
    if !home.exists() {
        cluster.auberge(&["cert", "init", "--dir", &text, "--cluster", name, "--cluster-key", &key]).done();
    }
    cluster.auberge(&["cert", "node", node, "--dir", &text, "--address", "127.0.0.1"]).done();
    home.join(node)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untrusted_nodes_are_rejected() {
    let later = NodePlan { later: true, ..NodePlan::default() };
    let mut cluster = Cluster::plan(4).node("n4", later).open().await;
    let (authority, config) = (cluster.authority(), cluster.config());
    let (own, key) = (authority.join("n4"), authority.join("cluster.key"));
    let kept = cluster.path().join("kept");
    copy(&own, &kept);
    let data = cluster.data("n4").to_owned();
    let node = |config: &Path| {
        let config = config.to_string_lossy().into_owned();
        move |cluster: &Cluster| cluster.auberge(&["node", "--config", &config, "--name", "n4"]).refused()
    };

    // Settings of another cluster, and the certificate of another node: the process refuses to start.
    let settings = std::fs::read_to_string(&config).unwrap();
    let other = cluster.path().join("other.toml");
    std::fs::write(&other, settings.replace("name = \"inn\"", "name = \"spa\"")).unwrap();
    let refused = node(&other)(&cluster);
    assert!(refused.contains("to the cluster inn, not to spa"), "{refused}");
    copy(&authority.join("n3"), &own);
    let refused = node(&config)(&cluster);
    assert!(refused.contains("certificate of node n3, not of n4"), "{refused}");

    // A certificate of another authority with the same cluster name, then one of another cluster.
    let strange = certify(&cluster, "strange", "inn", "n4", &key);
    let foreign = certify(&cluster, "foreign", "spa", "n4", &key);
    for (folder, named) in [(strange, "inn"), (foreign, "spa")] {
        copy(&folder, &own);
        std::fs::write(&config, settings.replace("name = \"inn\"", &format!("name = \"{named}\""))).unwrap();
        let _ = std::fs::remove_dir_all(&data);
        cluster.launch("n4");
        cluster.wait_for_log("n4", "rejected by the cluster").await;
        let anyone = Caller::new(cluster.url("n4"));
        assert_eq!(anyone.get("/readyz").await.status, 503);
        let shown = cluster.status(&cluster.admin("n1").await).await.unwrap();
        let untrusted = shown["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "n4");
        assert!(untrusted.is_none_or(|node| node["state"] == "down" && node["groups"] == 0), "{shown:#}");
        cluster.kill("n4");
    }
    std::fs::write(&config, &settings).unwrap();

    // The right certificate, and the key of another cluster: the node says so, and serves nothing.
    copy(&kept, &own);
    std::fs::write(own.join("cluster.key"), [7; 32]).unwrap();
    let _ = std::fs::remove_dir_all(&data);
    let found = cluster.auberge(&["config", "check", &config.to_string_lossy()]);
    assert!(found.code == Some(1) && found.out.contains("another cluster key than n1"), "{found:?}");
    cluster.launch("n4");
    cluster.wait_for_log("n4", "is not the cluster's key").await;
    assert_eq!(Caller::new(cluster.url("n4")).get("/readyz").await.status, 503);
    cluster.kill("n4");

    // With its own certificate the node joins the cluster.
    copy(&kept, &own);
    let _ = std::fs::remove_dir_all(&data);
    cluster.start("n4").await;
    cluster.wait_until_healthy().await;

    // An empty disk under the same name: the replicas are created again, and votes of the old replicas do not count.
    let partner = cluster.booker("n1").await;
    let hotel = cluster.hotel("n1").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    let mut held = vec![partner.hold(&offer, "before@guest.example").await];
    cluster.kill("n3");
    std::fs::remove_dir_all(cluster.data("n3")).unwrap();
    held.push(partner.hold(&offer, "meanwhile@guest.example").await);
    cluster.start("n3").await;
    cluster.wait_until_healthy().await;
    held.push(partner.at(cluster.url("n3")).hold(&offer, "after@guest.example").await);

    // An empty disk and a new certificate under the same name: the node is a different one, and the cluster rejects it.
    cluster.stop("n4");
    std::fs::remove_dir_all(&data).unwrap();
    let twin = cluster.path().join("twin");
    copy(&authority, &twin);
    copy(&certify(&cluster, "twin", "inn", "n4", &key), &own);
    cluster.launch("n4");
    cluster.wait_for_log("n4", "with another id").await;
    cluster.kill("n4");
    copy(&kept, &own);
    std::fs::remove_dir_all(&data).unwrap();
    cluster.start("n4").await;
    cluster.wait_until_healthy().await;
    for held in &held {
        partner.reservation(held).await;
    }
    cluster.wait_until_outboxes_empty("n1").await;
    cluster.assert_invariants("n1");
}
