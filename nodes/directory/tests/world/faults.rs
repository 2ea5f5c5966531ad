//! Fault injection: stops a reconciler after a number of actions, just before or just after the last one.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use directory::{
    Answer, Command, Directory, NodeClient, NodeError, Observed, Query, Records, Refusal, Reply,
};
use futures::future::BoxFuture;
use group::testing::Bench;
use group::{Failure, StartMode};
use tokio::sync::Notify;

use super::World;

/// Where the last action is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// The action is not done.
    Before,
    /// The action is done, and its result is lost.
    After,
}

/// Counts actions, and stops the caller at the limit.
pub struct ActionLimit {
    left: AtomicI64,
    stop_at: StopAt,
    reached: Notify,
}

impl ActionLimit {
    /// Allows this many actions; the next one never returns.
    pub fn after(actions: i64, stop_at: StopAt) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(actions), stop_at, reached: Notify::new() })
    }

    /// Without a limit.
    pub fn never() -> Arc<Self> {
        Self::after(i64::MAX, StopAt::Before)
    }

    /// Returns when the limit is reached.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    async fn run<T>(&self, action: impl FnOnce() -> T) -> T {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            return action();
        }
        if left == 0 {
            if self.stop_at == StopAt::After {
                action();
            }
            self.reached.notify_one();
        }
        pending().await
    }
}

/// A node client and records with one action limit. Reads do not count.
pub struct LimitedClient {
    world: Arc<World>,
    bench: Arc<Bench<Directory>>,
    limit: Arc<ActionLimit>,
}

impl LimitedClient {
    pub fn new(world: Arc<World>, bench: Arc<Bench<Directory>>, limit: Arc<ActionLimit>) -> Self {
        Self { world, bench, limit }
    }
}

impl Records for LimitedClient {
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Failure<Refusal>>> {
        let apply = move || self.bench.command(&super::reconciler(), command).map_err(Failure::Refused);
        Box::pin(self.limit.run(apply))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, Failure<Refusal>>> {
        Box::pin(async move { self.bench.query(&super::reconciler(), query).map_err(Failure::Refused) })
    }
}

impl NodeClient for LimitedClient {
    fn observed(&self) -> Observed {
        self.world.observed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        self.world.changed()
    }

    fn open<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        start: StartMode,
    ) -> BoxFuture<'a, Result<u64, NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_open(node, group, start)))
    }

    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_add_learner(group, replica, node)))
    }

    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_change_voters(group, from, to)))
    }

    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_transfer(group, to)))
    }

    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_remove_learner(group, replica)))
    }

    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_drop(node, group, replica)))
    }

    fn deny<'a>(&'a self, node: &'a str, fingerprints: &'a [String]) -> BoxFuture<'a, Result<(), NodeError>> {
        Box::pin(self.limit.run(move || self.world.do_deny(node, fingerprints)))
    }
}
