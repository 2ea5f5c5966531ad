//! `GET /v1/cluster/audit`: who did what.

use directory::contract::PAGE_MAX;
use directory::{Answer, AuditRecord, Query};
use edge::{ApiError, Cursor, Instant, Json, Limit, Page, SignedIn};
use poem_openapi::param::Query as Param;
use poem_openapi::{Object, OpenApi};

use super::{Api, READ, Tag};

/// What somebody did, or what happened.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct AuditResponse {
    /// Counts up
    pub number: u64,
    /// When
    pub at: Instant,
    /// Who: an account, a client, or a service of the cluster
    pub by: String,
    /// What: `move`, `drain`, `lost`, …
    pub verb: String,
    /// A node, a group or a move
    pub subject: String,
    /// More, in words
    pub detail: String,
}

/// The part of the API.
pub struct AuditFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl AuditFace {
    /// Who did what
    ///
    /// Newest first; the oldest entries are forgotten. A machine that is alone keeps none.
    #[oai(path = "/cluster/audit", method = "get", operation_id = "listAudit")]
    async fn list(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
        limit: Param<Limit>,
        cursor: Param<Option<Cursor>>,
    ) -> Result<Json<Page<AuditResponse>>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        let before: Option<u64> = inside.cursors.decode(&LIST, cursor.0)?;
        if inside.is_alone() {
            return Ok(Json(Page::single(Vec::new())));
        }
        let limit = u16::try_from(limit.0.get()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        match inside.ask(&caller.call(), Query::Audit { before, limit }).await? {
            Answer::Audit { items, next } => Ok(Json(Page {
                items: items.into_iter().map(shown).collect(),
                next_cursor: next.map(|next| inside.cursors.encode(&LIST, &next)),
            })),
            _ => Err(ApiError::unavailable(1)),
        }
    }
}

const LIST: &str = "listAudit";

fn shown(record: AuditRecord) -> AuditResponse {
    let AuditRecord { number, at, by, verb, subject, detail } = record;
    AuditResponse { number, at: Instant(at), by, verb, subject, detail }
}
