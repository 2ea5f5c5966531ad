//! `POST /v1/cluster/check`.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// The result of checking every invariant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct CheckResult {
    /// One line for each violation; empty when every invariant holds
    pub violations: Vec<String>,
    /// Number of groups that were checked
    pub groups: u32,
}
