//! State that the tasks of a replica share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use store::{Fault, NodeLog, State};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, oneshot, watch};

use crate::outgoing::OutgoingSnapshots;
use crate::types::LogId;

/// Unflushed bytes at which an early flush is triggered.
const FLUSH_AT_BYTES: usize = 8 << 20;
/// Unflushed bytes at which applying waits for a flush.
const UNFLUSHED_BYTES_MAX: usize = 64 << 20;

/// Why a replica stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The state machine or openraft failed.
    Failed(String),
    /// The disk failed, or its content is corrupt.
    Store(String),
    /// Requested.
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

/// State that the tasks of a replica share.
pub(crate) struct Shared {
    pub group: Arc<str>,
    pub log: Arc<NodeLog>,
    pub state: Arc<dyn State>,
    /// Term of the last applied entry. 0 if there is none.
    pub applied_term: watch::Sender<u64>,
    /// The first stop reason. It is never replaced.
    pub stopped: watch::Sender<Option<StopReason>>,
    /// Index of the next entry to apply. 0 if none is applied.
    pub applied_next: AtomicU64,
    /// Start-up is complete: peers may request snapshots.
    pub started: AtomicBool,
    /// Snapshots that are being sent to peers.
    pub outgoing: Arc<OutgoingSnapshots>,
    /// Notified when an early flush is needed.
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
            outgoing: Arc::default(),
            full: Notify::new(),
        }
    }

    /// Sets the stop reason, unless there is one already.
    pub(crate) fn stop(&self, reason: StopReason) {
        let first = self.stopped.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert_with(|| reason.clone());
            first
        });
        if first && reason != StopReason::ShutDown {
            tracing::error!(group = %self.group, reason = %reason, "the replica has stopped");
        }
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stopped.borrow().clone()
    }

    /// Flushes the log and then the state, so that the state on disk is never ahead of the log on disk.
    pub(crate) async fn flush(&self) -> Result<(), Fault> {
        barrier(&self.log).await?;
        let state = Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || state.flush())
            .await
            .unwrap_or_else(|_| Err(Fault::Io("flushing the state panicked".to_owned())))
    }

    /// Limits unflushed data after entries were applied: triggers a flush, or waits for one.
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

    /// Flushes the state periodically while it changes, and when too much is unflushed, until a disk fails.
    pub(crate) async fn flush_periodically(&self, every: std::time::Duration) -> Fault {
        // Entries replayed at start-up are not flushed either.
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

/// Waits until everything submitted to the log so far is on disk.
pub(crate) async fn barrier(log: &NodeLog) -> Result<(), Fault> {
    let (sender, receiver) = oneshot::channel();
    log.barrier(Box::new(move |result| {
        let _ = sender.send(result);
    }));
    receiver.await.unwrap_or_else(|_| Err(Fault::Io("the log was closed".to_owned())))
}

/// Runs blocking code without delaying other tasks of this worker thread, if the runtime supports it.
pub(crate) fn blocking<T>(call: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(call),
        _ => call(),
    }
}

/// Runs state machine code. A panic in it stops this replica, not the process.
pub(crate) fn catch_panic<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, StopReason> {
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
