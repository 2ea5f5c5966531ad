//! A cluster that things happen to: killed, paused and restarted nodes, split networks, full disks, clocks set back, strangers
//! with wrong papers, moves and drains that get in each other's way, lost quorums.
//!
//! What clients saw meanwhile is recorded ([`history`]) and checked for being linearizable ([`linear`]); what was acknowledged
//! has to be there afterwards, once.

mod alone;
mod backup;
mod clock;
mod configure;
mod disk;
mod history;
mod killed;
mod linear;
mod login;
mod lost;
mod moves;
mod rolling;
mod split;
mod strangers;

use serde_json::Value;

/// The text of a JSON string.
#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
