//! `POST /v1/cluster/check`: every invariant, on every node.

use edge::{ApiError, Json, SignedIn};
use poem_openapi::{Object, OpenApi};

use super::{Api, READ, Tag};

/// What is broken.
#[derive(Debug, Object)]
pub struct CheckResult {
    /// One line for each invariant that does not hold; none when all is well
    pub violations: Vec<String>,
    /// How many groups were looked at
    pub groups: u32,
}

/// The part of the API.
pub struct CheckFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl CheckFace {
    /// Check every invariant
    ///
    /// Reads all stores; each group stands still for the moment in which it is looked at.
    #[oai(path = "/cluster/check", method = "post", operation_id = "checkCluster")]
    async fn check(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<CheckResult>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        inside.check().await.map(Json)
    }
}
