//! Fault tests of a cluster: killed, paused and restarted nodes, network partitions, full disks, clocks set back, nodes with
//! invalid certificates, concurrent moves and drains, lost quorums.
//!
//! Clients run during the faults. Their operations are recorded ([`history`]) and checked for linearizability
//! ([`linearizability`]). Every acknowledged reservation has to exist exactly once afterwards.

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
    value.as_str().unwrap_or_else(|| panic!("not a JSON string: {value}"))
}
