//! `POST /v1/cluster/check`: every invariant, on every node.

use cluster_model::CheckResult;
use edge::{ApiError, Json, SignedIn};
use poem_openapi::OpenApi;

use crate::{Guard, READ, Tag};

/// The check operation.
pub struct CheckApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl CheckApi {
    /// Check every invariant
    ///
    /// Reads all stores; each group is locked while it is checked.
    #[oai(path = "/cluster/check", method = "post", operation_id = "checkCluster")]
    async fn check(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<CheckResult>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        context.check().await.map(Json)
    }
}
