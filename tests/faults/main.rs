//! Fault tests: killed processes, full disks, damaged files, two servers on one directory, and backups.

mod backup;
mod crash;
mod damage;
mod disk;
mod ledger;
mod load;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
