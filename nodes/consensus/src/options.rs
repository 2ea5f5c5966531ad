//! Start options and settings of a replica.

use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

/// Length of a leader's lease, in heartbeat intervals.
const LEASE_HEARTBEATS: u64 = 3;

/// Identity and settings of a replica.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the group. The shared log stores its records under this name.
    pub group: Arc<str>,
    /// Raft id of the replica: random for each incarnation and never reused, so that a replica on an empty disk is
    /// never mistaken for a previous voter.
    pub id: u64,
    /// Timing and limits.
    pub settings: Settings,
}

impl Options {
    /// Options with default settings.
    pub fn new(group: &str, id: u64) -> Self {
        Self { group: group.into(), id, settings: Settings::default() }
    }
}

/// Timing and limits. Must be equal for all replicas of a group.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Heartbeat interval, in milliseconds. No vote against the leader is granted for 3 intervals after a heartbeat.
    /// A follower without heartbeats starts an election after another 2 to 3 intervals, or at once through
    /// [`crate::Replica::trigger_election`].
    pub heartbeat_ms: u64,
    /// Interval between flushes while the state changes, in milliseconds.
    pub flush_every_ms: u64,
    /// Number of entries after which the state is flushed and the log is purged.
    pub snapshot_every_entries: u64,
    /// Number of entries that remain after a purge. More remain for peers that lag or are receiving a snapshot.
    pub keep_entries: u64,
    /// Maximum number of entries per message. [`Settings::message_bytes_max`] applies as well.
    pub message_entries_max: u64,
    /// Maximum length of a message, in bytes. A single longer entry is sent alone.
    pub message_bytes_max: usize,
    /// Timeout for each part of a snapshot, in milliseconds. For the last part it includes the installation.
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
    /// Time after a heartbeat during which no other leader is elected.
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
            // Also the length of the leader's lease: during it reads are served without a quorum, and no vote is
            // granted.
            election_timeout_max: self.heartbeat_ms * LEASE_HEARTBEATS,
            install_snapshot_timeout: self.snapshot_timeout_ms,
            max_payload_entries: self.message_entries_max,
            max_append_entries: Some(4096),
            replication_lag_threshold: self.snapshot_every_entries + self.keep_entries,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every_entries),
            // Purging is done by `purge.rs`.
            max_in_snapshot_log_to_keep: u64::MAX,
            enable_pre_vote: Some(true),
            // A restarted leader would continue in its old term. Having applied an entry of that term would then not
            // imply that all acknowledged entries are applied. In a new term it does.
            enable_leader_restore: Some(false),
            backoff: "20ms 50ms 100ms ...200ms".to_owned(),
            ..Config::default()
        }
        .validate()
    }
}
