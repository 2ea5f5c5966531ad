//! The audit log: `GET /v1/cluster/audit`.

use directory::AuditRecord;
use edge::Instant;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct AuditResponse {
    /// Sequence number
    pub number: u64,
    /// Time
    pub at: Instant,
    /// The caller: an account, a client, or a service of the cluster
    pub by: String,
    /// The action: `move`, `drain`, `lost`, …
    pub verb: String,
    /// The node, group or move that it concerns
    pub subject: String,
    /// Details
    pub detail: String,
}

impl From<AuditRecord> for AuditResponse {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { number, at, by, verb, subject, detail } = record;
        Self { number, at: Instant(at), by, verb, subject, detail }
    }
}
