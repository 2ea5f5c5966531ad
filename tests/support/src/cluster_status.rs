//! Clients of a cluster, its status, and functions that wait until it is healthy.

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::cluster::Cluster;
use crate::eventually;
use crate::running::text;

impl Cluster {
    /// A client of a node with the administrator's token.
    pub async fn admin(&self, at: &str) -> Caller {
        let file = std::fs::read_to_string(&self.admin).expect("admin.json");
        let admin: Value = serde_json::from_str(&file).expect("admin.json");
        self.sign_in(at, &text(&admin["client_id"]), &text(&admin["client_secret"])).await
    }

    /// Gets a token with client credentials. Repeats the request while the response is 503 or missing.
    pub async fn sign_in(&self, at: &str, client_id: &str, client_secret: &str) -> Caller {
        let anyone = Caller::new(self.url(at));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ];
        eventually("a token", || async {
            let issued = anyone.form("/oauth/token", &form).attempt().await.ok()?;
            (issued.status != 503).then(|| issued.expect(200).json())
        })
        .await
        .get("access_token")
        .map(|token| anyone.with_token(text(token)))
        .expect("the response has no access token")
    }

    /// Creates an OAuth client that may book and pay, and returns a client of a node with its token.
    pub async fn booker(&self, at: &str) -> Caller {
        let scope = "reservations:read reservations:write payments:read payments:write";
        let body = json!({"name": "Partner", "scope": scope, "grant_types": ["client_credentials"]});
        let made = self.admin(at).await.post("/v1/clients", &body).await.expect(200).json();
        self.sign_in(at, &text(&made["client_id"]), &text(&made["client_secret"])).await
    }

    /// The id of the first imported hotel.
    pub async fn hotel(&self, at: &str) -> String {
        let page = self.admin(at).await.get("/v1/properties?limit=1").await.expect(200).json();
        text(&page["items"][0]["id"])
    }

    /// The cluster status from one node, or `None` when the node does not return it.
    pub async fn status(&self, admin: &Caller) -> Option<Value> {
        let shown = admin.get("/v1/cluster").attempt().await.ok()?;
        (shown.status == 200).then(|| shown.json())
    }

    /// Waits until a group has a leader, according to node `via`, and returns the name of the leader.
    pub async fn leader(&self, via: &str, group: &str) -> String {
        let admin = self.admin(via).await;
        eventually(&format!("{group} to have a leader"), || async {
            let shown = self.status(&admin).await?;
            let groups = shown["groups"].as_array()?;
            let found = groups.iter().find(|found| found["group"] == group)?;
            found["leader"].as_str().map(ToOwned::to_owned)
        })
        .await
    }

    /// Transfers the leadership of a group to a node, and waits until that node leads the group.
    pub async fn lead(&self, group: &str, to: &str) {
        if self.leader(to, group).await != to {
            self.operate(to, &["cluster", "move", group, "--to", to, "--leader-only"]).done();
        }
        eventually(&format!("{to} to lead {group}"), || async {
            (self.leader(to, group).await == to).then_some(())
        })
        .await;
    }

    /// Waits until every running node is ready and reports all running nodes as up, all groups as healthy and no moves.
    ///
    /// # Panics
    /// When that takes longer than [`PATIENCE`](crate::PATIENCE); the message has the last status.
    pub async fn wait_until_healthy(&self) {
        let running: Vec<&str> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.process.is_some())
            .map(|(name, _)| name.as_str())
            .collect();
        for name in &running {
            self.ready(name).await;
            let admin = self.admin(name).await;
            let begun = std::time::Instant::now();
            loop {
                let shown = self.status(&admin).await.unwrap_or_default();
                let up = |name: &&str| {
                    let nodes = shown["nodes"].as_array();
                    nodes.is_some_and(|nodes| {
                        nodes.iter().any(|node| node["name"] == **name && node["state"] != "down")
                    })
                };
                let groups = shown["groups"].as_array();
                let healthy = groups.is_some_and(|all| all.iter().all(|group| group["state"] == "healthy"));
                if healthy && shown["moves"] == json!([]) && running.iter().all(up) {
                    break;
                }
                assert!(
                    begun.elapsed() < crate::PATIENCE,
                    "timeout: the cluster is not healthy according to {name}: {shown:#}"
                );
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }

    /// Waits until all outboxes are empty.
    pub async fn wait_until_outboxes_empty(&self, at: &str) {
        let admin = self.admin(at).await;
        eventually("the outboxes to be empty", || async {
            let shown = self.status(&admin).await?;
            shown["groups"].as_array()?.iter().all(|group| group["outbox"] == 0).then_some(())
        })
        .await;
    }

    /// Checks all invariants and the checksum of every replica with `auberge check`.
    ///
    /// # Panics
    /// When an invariant is violated.
    pub fn assert_invariants(&self, at: &str) {
        let checked = self.operate(at, &["check"]).done();
        assert!(checked.contains("no invariant violated"), "{checked}");
    }
}
