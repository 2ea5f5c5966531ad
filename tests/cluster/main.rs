//! A cluster that things happen to: killed, paused and restarted nodes, split networks, full disks, clocks set back, strangers
//! with wrong papers, moves and drains that get in each other's way, lost quorums.
//!
//! What clients saw meanwhile is recorded ([`history`]) and checked for being linearizable ([`linearizability`]); what was acknowledged
//! has to be there afterwards, once.

mod backup;
mod clock;
mod configure;
mod disk;
mod history;
mod isolated_service;
mod linearizability;
mod login;
mod lost_quorum;
mod moves;
mod network_partition;
mod node_crash;
mod rolling_restart;
mod untrusted_nodes;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
