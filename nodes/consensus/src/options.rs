//! What a replica is told at its start.

use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

/// A leader's lease, in heartbeats.
const LEASE_HEARTBEATS: u64 = 3;

/// Which replica of which group this is, and how it shall behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// The group's name, under which the shared log keeps its records.
    pub group: Arc<str>,
    /// The replica's raft id: random for each incarnation, never used again, so that a fresh disk is never taken for an
    /// old voter.
    pub id: u64,
    /// Timing and limits.
    pub settings: Settings,
}

impl Options {
    /// With the usual settings.
    pub fn new(group: &str, id: u64) -> Self {
        Self { group: group.into(), id, settings: Settings::default() }
    }
}

/// Timing and limits, the same for all replicas of a group.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A leader is heard of this often, in milliseconds. Nobody stands against it for 3 times as long; whoever hears
    /// nothing goes on to miss it after another 2 to 3 times as long, or at once when told that it is gone
    /// ([`crate::Replica::trigger_election`]).
    pub heartbeat_ms: u64,
    /// The state is flushed this often while it changes, in milliseconds.
    pub flush_every_ms: u64,
    /// After so many entries the log is cut behind what the state has on disk.
    pub snapshot_every_entries: u64,
    /// So many entries are kept when it is cut; more for peers that lag, or are being sent a snapshot.
    pub keep_entries: u64,
    /// At most so many entries travel in one message, and at most [`Settings::message_bytes_max`].
    pub message_entries_max: u64,
    /// A message is closed once it has grown to this; a single entry can be larger.
    pub message_bytes_max: usize,
    /// A peer that is sent a snapshot answers each part of it within this, in milliseconds. The last part includes the
    /// time that it takes to install.
    pub snapshot_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_ms: 200,
            flush_every_ms: 1000,
            snapshot_every_entries: 20_000,
            keep_entries: 5_000,
            message_entries_max: 1_000,
            message_bytes_max: 1 << 20,
            snapshot_timeout_ms: 60_000,
        }
    }
}

impl Settings {
    /// So long after a leader was heard of, nobody else is elected.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms * LEASE_HEARTBEATS)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms.max(1))
    }

    pub(crate) fn flush_every(&self) -> Duration {
        Duration::from_millis(self.flush_every_ms.max(1))
    }

    pub(crate) fn snapshot_timeout(&self) -> Duration {
        Duration::from_millis(self.snapshot_timeout_ms.max(1))
    }

    pub(crate) fn config(&self, group: &str) -> Result<Config, openraft::ConfigError> {
        Config {
            cluster_name: group.to_owned(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.heartbeat_ms * 2,
            // Also the lease: for so long after it was heard of, a leader's word on reads counts, and no vote is given.
            election_timeout_max: self.heartbeat_ms * LEASE_HEARTBEATS,
            install_snapshot_timeout: self.snapshot_timeout_ms,
            max_payload_entries: self.message_entries_max,
            max_append_entries: Some(4096),
            replication_lag_threshold: self.snapshot_every_entries + self.keep_entries,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every_entries),
            // What is kept of it is the trimmer's matter.
            max_in_snapshot_log_to_keep: u64::MAX,
            enable_pre_vote: Some(true),
            // A leader that was restarted would go on in its old term, where "an entry of its own term is applied" says
            // nothing about what was acknowledged before. In a new term it does.
            enable_leader_restore: Some(false),
            backoff: "20ms 50ms 100ms ...200ms".to_owned(),
            ..Config::default()
        }
        .validate()
    }
}
