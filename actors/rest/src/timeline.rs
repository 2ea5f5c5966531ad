//! Timelines of resources.

use poem_openapi::Object;
use protocol::Timestamp;
use serde::Serialize;

/// An event in the history of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct TimelineEntry {
    /// The time of the event.
    pub at: edge::Instant,
    /// The kind of event, such as `held`, `confirmed` or `cancelled`.
    pub what: String,
}

impl TimelineEntry {
    /// An event at an instant.
    pub fn new(at: Timestamp, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}
