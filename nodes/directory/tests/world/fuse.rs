//! Means that fail: after so many acts, whoever uses them is cut off, just before the act or just after it.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use directory::{
    Answer, Command, Directory, Hands, HandsError, Observed, Query, Records, Refusal, Reply, Start,
};
use futures::future::BoxFuture;
use group::Failure;
use group::testing::Bench;
use tokio::sync::Notify;

use super::World;

/// When the last act is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burn {
    /// It is not done.
    Before,
    /// It is done, and nobody hears of it.
    After,
}

/// Counts acts, and burns through.
pub struct Fuse {
    left: AtomicI64,
    burn: Burn,
    burnt: Notify,
}

impl Fuse {
    /// Lets `acts` through; the one after is cut off.
    pub fn after(acts: i64, burn: Burn) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(acts), burn, burnt: Notify::new() })
    }

    /// Lets everything through.
    pub fn never() -> Arc<Self> {
        Self::after(i64::MAX, Burn::Before)
    }

    /// Returns when it has burnt through.
    pub async fn burnt(&self) {
        self.burnt.notified().await;
    }

    async fn act<T>(&self, act: impl FnOnce() -> T) -> T {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            return act();
        }
        if left == 0 {
            if self.burn == Burn::After {
                act();
            }
            self.burnt.notify_one();
        }
        pending().await
    }
}

/// Hands and records behind one fuse. Looking is free; only acts count.
pub struct Fused {
    world: Arc<World>,
    bench: Arc<Bench<Directory>>,
    fuse: Arc<Fuse>,
}

impl Fused {
    pub fn new(world: Arc<World>, bench: Arc<Bench<Directory>>, fuse: Arc<Fuse>) -> Self {
        Self { world, bench, fuse }
    }
}

impl Records for Fused {
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Reply, Failure<Refusal>>> {
        let apply = move || self.bench.command(&super::steward(), command).map_err(Failure::Refused);
        Box::pin(self.fuse.act(apply))
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, Failure<Refusal>>> {
        Box::pin(async move { self.bench.query(&super::steward(), query).map_err(Failure::Refused) })
    }
}

impl Hands for Fused {
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
        start: Start,
    ) -> BoxFuture<'a, Result<u64, HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_open(node, group, start)))
    }

    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_add_learner(group, replica, node)))
    }

    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_change_voters(group, from, to)))
    }

    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_transfer(group, to)))
    }

    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_remove_learner(group, replica)))
    }

    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_drop(node, group, replica)))
    }

    fn deny<'a>(
        &'a self,
        node: &'a str,
        fingerprints: &'a [String],
    ) -> BoxFuture<'a, Result<(), HandsError>> {
        Box::pin(self.fuse.act(move || self.world.do_deny(node, fingerprints)))
    }
}
