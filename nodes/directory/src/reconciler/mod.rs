//! The reconciler: observes the nodes, records what changed, and executes what the records call for.
//!
//! One runs on each node that has a replica of the directory, and is active while that replica leads. It may be stopped
//! at any point: all state that matters is in the records, and every task is idempotent.
//!
//! The order of steps makes this safe:
//! - nodes are observed before the records are read. A replica that is in no record then is stale, unless a move in the
//!   phase `adding` is about to record it;
//! - a stale replica is deleted only while the group has a recorded leader that does not have it as a member;
//! - the phase `switching` is recorded before the voters change, and a move cannot be cancelled from then on.
//!
//! Deliberately absent: decisions on what should be done ([`crate::plan`] makes them from the records).

mod execute;
mod jobs;
mod options;
mod progress;
mod records;
mod term;

pub use options::ReconcilerOptions;
pub use records::{ClientRecords, Records};

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::node_client::NodeClient;
use crate::records::{MoveId, Progress};
use crate::service::ChangeNotifier;
use progress::ProgressTracker;
use term::Term;

/// What the reconciler and its jobs share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub nodes: Arc<dyn NodeClient>,
    pub records: Arc<dyn Records>,
    pub options: ReconcilerOptions,
    pub progress: ProgressTracker,
}

/// Runs the control loop: see the module.
pub struct Reconciler {
    context: Context,
    changes: ChangeNotifier,
}

impl Reconciler {
    /// `changes` is the notifier that was given to this node's [`crate::Directory`].
    pub fn new(
        nodes: Arc<dyn NodeClient>,
        records: Arc<dyn Records>,
        changes: ChangeNotifier,
        options: ReconcilerOptions,
    ) -> Self {
        Self { context: Context { nodes, records, options, progress: ProgressTracker::default() }, changes }
    }

    /// Progress of the moves that are executed on this node, at most some milliseconds old, where the records
    /// ([`crate::MoveRecord::progress`]) are up to a second old. Empty on nodes whose reconciler is not active.
    pub fn progress(&self) -> watch::Receiver<Arc<BTreeMap<MoveId, Progress>>> {
        self.context.progress.watch()
    }

    /// Is active while `leads` is true, that is, while this node leads the directory; returns when the sender of `leads` is
    /// dropped. Dropping the future aborts all jobs, which is safe at any time.
    pub async fn run(&self, mut leads: watch::Receiver<bool>) {
        while leads.wait_for(|leads| *leads).await.is_ok() {
            tracing::info!("reconciler started");
            tokio::select! {
                () = self.run_term() => {}
                deposed = leads.wait_for(|leads| !*leads) => if deposed.is_err() { return },
            }
            self.context.progress.clear();
            tracing::info!("reconciler stopped: this node no longer leads the directory");
        }
    }

    /// Reconciles forever. Dropping the future aborts the jobs that it has started.
    pub async fn run_term(&self) {
        let options = &self.context.options;
        let mut term = Term::new(self.context.clone());
        loop {
            let next = Instant::now() + options.min_interval;
            if let Err(why) = term.reconcile().await {
                tracing::debug!(%why, "reconciliation failed");
            }
            let wait = async {
                tokio::select! {
                    () = self.context.nodes.changed() => {}
                    () = self.changes.changed() => {}
                    () = term.job_finished() => {}
                }
            };
            // At least every `resync_every`, at most every `min_interval`.
            let _ = timeout(options.resync_every, wait).await;
            sleep_until(next).await;
        }
    }
}

impl std::fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reconciler")
    }
}
