//! What the parts of a replica tell each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use store::{Fault, NodeLog, State};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, oneshot, watch};

use crate::purge::OutgoingSnapshots;
use crate::types::LogId;

/// A state that has so much in memory is flushed before its time is up.
const FLUSH_AT_BYTES: usize = 8 << 20;
/// With so much in memory nothing more is applied before it is flushed.
const UNFLUSHED_BYTES_MAX: usize = 64 << 20;

/// Why a replica stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The machine failed, or consensus itself.
    Failed(String),
    /// The disk, or what is on it.
    Store(String),
    /// It was asked to.
    ShutDown,
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(why) => f.write_str(why),
            Self::Store(why) => write!(f, "the store failed: {why}"),
            Self::ShutDown => f.write_str("shut down"),
        }
    }
}

/// One replica's common knowledge.
pub(crate) struct Shared {
    pub group: Arc<str>,
    pub log: Arc<NodeLog>,
    pub state: Arc<dyn State>,
    /// The term of the last applied entry; 0 before the first.
    pub applied_term: watch::Sender<u64>,
    /// The first reason to stop; it stays.
    pub stopped: watch::Sender<Option<StopReason>>,
    /// The number after that of the last applied entry; 0 before the first.
    pub applied_next: AtomicU64,
    /// Start-up is over: peers may ask for snapshots.
    pub started: AtomicBool,
    /// Snapshots on their way to peers.
    pub outgoing: OutgoingSnapshots,
    /// The state has much in memory.
    full: Notify,
}

impl Shared {
    pub(crate) fn new(
        group: Arc<str>,
        log: Arc<NodeLog>,
        state: Arc<dyn State>,
        applied: Option<&LogId>,
    ) -> Self {
        Self {
            group,
            log,
            state,
            applied_term: watch::Sender::new(applied.map_or(0, |applied| applied.leader_id.term)),
            stopped: watch::Sender::new(None),
            applied_next: AtomicU64::new(applied.map_or(0, |applied| applied.index + 1)),
            started: AtomicBool::new(false),
            outgoing: OutgoingSnapshots::default(),
            full: Notify::new(),
        }
    }

    /// Notes why the replica stops, unless it has a reason already.
    pub(crate) fn stop(&self, reason: StopReason) {
        let first = self.stopped.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert_with(|| reason.clone());
            first
        });
        if first && reason != StopReason::ShutDown {
            tracing::error!(group = %self.group, reason = %reason, "a replica stops");
        }
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stopped.borrow().clone()
    }

    /// Makes the state durable: the log first, so that the state on disk is never ahead of the log on disk.
    pub(crate) async fn flush(&self) -> Result<(), Fault> {
        barrier(&self.log).await?;
        let state = Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || state.flush())
            .await
            .unwrap_or_else(|_| Err(Fault::Io("flushing the state panicked".to_owned())))
    }

    /// Called when something was applied: a state that has much in memory is flushed soon, one that has too much now.
    pub(crate) async fn limit_unflushed(&self) -> Result<(), Fault> {
        match self.state.unflushed_bytes() {
            ..FLUSH_AT_BYTES => Ok(()),
            FLUSH_AT_BYTES..UNFLUSHED_BYTES_MAX => {
                self.full.notify_one();
                Ok(())
            }
            UNFLUSHED_BYTES_MAX.. => self.flush().await,
        }
    }

    /// Flushes the state every so often while it changes, and when it is full, until a disk refuses.
    pub(crate) async fn flush_periodically(&self, every: std::time::Duration) -> Fault {
        // What start-up replayed is not on disk either.
        let mut flushed = None;
        loop {
            let _ = tokio::time::timeout(every, self.full.notified()).await;
            let applied = self.applied_next.load(Ordering::Acquire);
            if flushed == Some(applied) {
                continue;
            }
            if let Err(fault) = self.flush().await {
                return fault;
            }
            flushed = Some(applied);
        }
    }
}

/// Waits until the log has on disk what was submitted so far.
pub(crate) async fn barrier(log: &NodeLog) -> Result<(), Fault> {
    let (sender, receiver) = oneshot::channel();
    log.barrier(Box::new(move |result| {
        let _ = sender.send(result);
    }));
    receiver.await.unwrap_or_else(|_| Err(Fault::Io("the log was closed".to_owned())))
}

/// Runs something that blocks without holding up the other tasks of this worker, where the runtime can do that.
pub(crate) fn blocking<T>(call: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(call),
        _ => call(),
    }
}

/// Runs code of the machine's: a panic in it is a reason to stop this replica, not the process.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, StopReason> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(fault)) => Err(StopReason::Store(fault.to_string())),
        Err(panic) => Err(match panic.downcast::<Fault>() {
            Ok(fault) => StopReason::Store(fault.to_string()),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                StopReason::Failed(text.unwrap_or_else(|| "a panic without a message".to_owned()))
            }
        }),
    }
}
