//! Timelines of resources.

use poem_openapi::Object;
use protocol::Timestamp;
use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct TimelineEntry {
    /// When.
    pub at: edge::Instant,
    /// What, as a stable word: `held`, `confirmed`, `cancelled`.
    pub what: String,
}

impl TimelineEntry {
    /// An event at an instant.
    pub fn new(at: Timestamp, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}
