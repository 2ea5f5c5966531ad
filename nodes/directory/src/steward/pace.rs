//! How fast the steward works, and how much at a time.

use std::time::Duration;

/// Times and bounds, with defaults for real clusters.
#[derive(Debug, Clone)]
pub struct Pace {
    /// It looks at least so often.
    pub look_every: Duration,
    /// And not more often than this.
    pub breath: Duration,
    /// How often a move that waits for something looks again.
    pub poll: Duration,
    /// After a failure, the same thing is tried again after this.
    pub retry: Duration,
    /// A node that is in the records, but was not seen since this steward began, counts as lost after this.
    pub settle: Duration,
    /// A replica that its node does not show counts as gone after this.
    pub gone_after: Duration,
    /// A move whose new node is away is given up after this.
    pub give_up_after: Duration,
    /// What a move waits for is written down after this.
    pub mention_after: Duration,
    /// Leaders are evened out when all nodes have been as they are for so long.
    pub balance_after: Duration,
    /// How often progress and measurements are written down.
    pub report_every: Duration,
    /// Moves of replicas at a time.
    pub moves_max: usize,
    /// And as long as they are small.
    pub small_moves_max: usize,
    /// A move of so many bytes or fewer is small: it disturbs nobody.
    pub small_bytes_max: u64,
    /// Moves of leadership at a time, but from nodes that are being emptied, whose leaders go all at once.
    pub handovers_max: usize,
    /// Groups that are founded at a time.
    pub founding_max: usize,
    /// A new replica has caught up when it is behind by so many log entries or fewer.
    pub lag_max: u64,
    /// Or by so many for [`Pace::lag_looks`] looks running: a busy group's replicas are always a little behind.
    pub lag_busy_max: u64,
    /// See [`Pace::lag_busy_max`].
    pub lag_looks: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            breath: Duration::from_millis(50),
            poll: Duration::from_millis(100),
            retry: Duration::from_secs(1),
            settle: Duration::from_secs(5),
            gone_after: Duration::from_secs(15),
            give_up_after: Duration::from_secs(60),
            mention_after: Duration::from_secs(2),
            balance_after: Duration::from_secs(10),
            report_every: Duration::from_secs(1),
            moves_max: 4,
            small_moves_max: 16,
            small_bytes_max: 4 << 20,
            handovers_max: 2,
            founding_max: 8,
            lag_max: 64,
            lag_busy_max: 2_000,
            lag_looks: 5,
        }
    }
}
