//! `GET /v1/cluster/audit`: the audit log.

use cluster_model::AuditResponse;
use directory::contract::PAGE_MAX;
use directory::{AuditPage, ListAudit};
use edge::{ApiError, Cursor, Json, Limit, Page, SignedIn};
use poem_openapi::OpenApi;
use poem_openapi::param::Query as Param;

use crate::{Guard, READ, Tag};

/// Operations on the audit log.
pub struct AuditApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl AuditApi {
    /// Get the audit log
    ///
    /// Newest first; the oldest entries are dropped. A single node has none.
    #[oai(path = "/cluster/audit", method = "get", operation_id = "listAudit")]
    async fn list(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        limit: Param<Limit>,
        cursor: Param<Option<Cursor>>,
    ) -> Result<Json<Page<AuditResponse>>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        let before: Option<u64> = context.cursors.decode(&LIST, cursor.0)?;
        if context.is_single_node() {
            return Ok(Json(Page::single(Vec::new())));
        }
        let limit = u16::try_from(limit.0.get()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let AuditPage { items, next } = context.call(&caller.call(), ListAudit { before, limit }).await?;
        Ok(Json(Page {
            items: items.into_iter().map(AuditResponse::from).collect(),
            next_cursor: next.map(|next| context.cursors.encode(&LIST, &next)),
        }))
    }
}

const LIST: &str = "listAudit";
