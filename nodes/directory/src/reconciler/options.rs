//! Intervals and limits of the reconciler.

use std::time::Duration;

/// Intervals and limits. The defaults are for real clusters.
#[derive(Debug, Clone)]
pub struct ReconcilerOptions {
    /// The longest time between two passes.
    pub resync_every: Duration,
    /// The shortest time between two passes.
    pub min_interval: Duration,
    /// How often a move polls for what it waits for.
    pub poll_every: Duration,
    /// Backoff of a job after a failure.
    pub retry_after: Duration,
    /// A node that is recorded as up, but was not observed since this reconciler started, counts as down after this.
    pub settle_after: Duration,
    /// A replica that its node does not report counts as lost after this.
    pub lost_after: Duration,
    /// A move whose new node cannot be reached fails after this.
    pub fail_after: Duration,
    /// What a move waits for is recorded after this.
    pub report_waiting_after: Duration,
    /// Leaders are balanced when no node has changed its state for this long.
    pub rebalance_after: Duration,
    /// How often progress and measurements are recorded.
    pub report_every: Duration,
    /// Concurrent moves of replicas.
    pub moves_max: usize,
    /// Concurrent moves of replicas when they are small.
    pub small_moves_max: usize,
    /// A move of at most this many bytes is small.
    pub small_bytes_max: u64,
    /// Concurrent transfers of leadership for balance. Transfers away from draining nodes are not limited.
    pub handovers_max: usize,
    /// Groups that are bootstrapped concurrently.
    pub bootstraps_max: usize,
    /// A new replica has caught up when it lags by at most this many log entries,
    pub lag_max: u64,
    /// or by at most this many in [`ReconcilerOptions::lag_polls`] consecutive polls: replicas of a busy group always lag.
    pub lag_busy_max: u64,
    /// See [`ReconcilerOptions::lag_busy_max`].
    pub lag_polls: u32,
}

impl Default for ReconcilerOptions {
    fn default() -> Self {
        Self {
            resync_every: Duration::from_secs(1),
            min_interval: Duration::from_millis(50),
            poll_every: Duration::from_millis(100),
            retry_after: Duration::from_secs(1),
            settle_after: Duration::from_secs(5),
            lost_after: Duration::from_secs(15),
            fail_after: Duration::from_secs(60),
            report_waiting_after: Duration::from_secs(2),
            rebalance_after: Duration::from_secs(10),
            report_every: Duration::from_secs(1),
            moves_max: 4,
            small_moves_max: 16,
            small_bytes_max: 4 << 20,
            handovers_max: 2,
            bootstraps_max: 8,
            lag_max: 64,
            lag_busy_max: 2_000,
            lag_polls: 5,
        }
    }
}
