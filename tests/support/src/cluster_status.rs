//! Signing in to a cluster, looking at it, and waiting for it to stand as it should.

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::cluster::Cluster;
use crate::eventually;
use crate::running::text;

impl Cluster {
    /// The administrator, at the edge of a node.
    pub async fn admin(&self, at: &str) -> Caller {
        let file = std::fs::read_to_string(&self.admin).expect("admin.json");
        let admin: Value = serde_json::from_str(&file).expect("admin.json");
        self.sign_in(at, &text(&admin["client_id"]), &text(&admin["client_secret"])).await
    }

    /// Signs a client in with its secret, as soon as that is possible.
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
        .expect("an access token")
    }

    /// A new partner that may book and pay, at the edge of a node.
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

    /// The cluster as a node shows it; nothing while it cannot.
    pub async fn status(&self, admin: &Caller) -> Option<Value> {
        let shown = admin.get("/v1/cluster").attempt().await.ok()?;
        (shown.status == 200).then(|| shown.json())
    }

    /// The node that leads a group, once there is one; asked of nodes that can answer.
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

    /// Transfers the leadership of a group to a node, and returns once it has it.
    pub async fn lead(&self, group: &str, to: &str) {
        if self.leader(to, group).await != to {
            self.operate(to, &["cluster", "move", group, "--to", to, "--leader-only"]).done();
        }
        eventually(&format!("{to} to lead {group}"), || async {
            (self.leader(to, group).await == to).then_some(())
        })
        .await;
    }

    /// Returns once every node that runs serves, sees all others that run, and every group has as many replicas as it should
    /// and a leader. Nothing moves then.
    ///
    /// # Panics
    /// When that takes too long; says what is missing.
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
                    "{name} waits in vain for a whole cluster: {shown:#}"
                );
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }

    /// Returns once no event or effect waits in any outbox.
    pub async fn wait_until_outboxes_empty(&self, at: &str) {
        let admin = self.admin(at).await;
        eventually("the outboxes to be empty", || async {
            let shown = self.status(&admin).await?;
            shown["groups"].as_array()?.iter().all(|group| group["outbox"] == 0).then_some(())
        })
        .await;
    }

    /// Has every invariant and every replica's checksum checked, by `auberge check`.
    ///
    /// # Panics
    /// When one is broken.
    pub fn assert_invariants(&self, at: &str) {
        let checked = self.operate(at, &["check"]).done();
        assert!(checked.contains("no invariant violated"), "{checked}");
    }
}
