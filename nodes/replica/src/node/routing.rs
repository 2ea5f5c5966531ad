//! Routes to groups: to a replica on this node, or to another node by the cluster view.

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use group::{Inbox, Placement, Target, Transport, Unavailable, Why};

use super::Node;
use crate::cluster::transport::LinkTransport;
use crate::supervision::ReplicaHandle;

impl Node {
    fn find<T>(
        &self,
        service: &str,
        shard: u16,
        of: impl FnOnce(&ReplicaHandle) -> T,
    ) -> Result<T, Unavailable> {
        self.with_handle(&format!("{service}/{shard}"), of).ok_or_else(|| self.missing(service))
    }

    /// The error for a group without a route.
    fn missing(&self, service: &str) -> Unavailable {
        let known = self.cluster.get().is_some() && self.shards_of(service).is_some();
        Unavailable::new(if known { Why::NoLeader } else { Why::NoService(service.to_owned()) })
    }

    /// The node that leads a group, by this node's latest information.
    pub fn leader_of(&self, group: &str) -> Option<Arc<str>> {
        let cluster = self.cluster.get()?;
        let view = cluster.view();
        let announced = view.location(group).and_then(|location| location.leader.clone());
        // A replica on this node often learns of a new leader before the leader announces itself.
        let consensus = self.with_handle(group, |handle| handle.consensus()).flatten();
        let own = consensus.and_then(|consensus| {
            let role = consensus.role();
            let role = role.borrow();
            if role.leader {
                return Some((role.term, Arc::clone(&cluster.name)));
            }
            let node = role.leader_node.as_deref().filter(|node| view.is_live(node))?;
            Some((role.term, node.into()))
        });
        // This node's own announcement may be older than its replica's role.
        let announced = announced.filter(|(_, node)| **node != *cluster.name);
        match (own, announced) {
            (Some(own), Some(announced)) => Some(if announced.0 > own.0 { announced.1 } else { own.1 }),
            (own, announced) => own.or(announced).map(|(_, node)| node),
        }
    }
}

impl Placement for Node {
    fn shards(&self, service: &str) -> Option<u16> {
        self.shards_of(service)
    }

    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        self.find(service, shard, |handle| Arc::clone(&handle.group))
    }

    fn inbox(&self, service: &str, shard: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        self.find(service, shard, |handle| Arc::clone(&handle.inbox))
    }

    fn leader(&self, service: &str, shard: u16) -> Result<Target, Unavailable> {
        let Some(cluster) = self.cluster.get() else { return self.local(service, shard).map(Target::Local) };
        let group = format!("{service}/{shard}");
        let led = |handle: &ReplicaHandle| handle.leads().then(|| Arc::clone(&handle.group));
        if let Some(group) = self.with_handle(&group, led).flatten() {
            return Ok(Target::Local(group));
        }
        match self.leader_of(&group) {
            Some(node) if *node != *cluster.name => Ok(Target::Remote(node)),
            // The replica has just become the leader.
            Some(_) => self.local(service, shard).map(Target::Local),
            None => match self.with_handle(&group, |handle| handle.quarantined()).flatten() {
                Some(_) => Err(Unavailable::new(Why::Quarantined)),
                None => Err(self.missing(service)),
            },
        }
    }

    fn nearby(&self, service: &str, shard: u16, nth: usize) -> Result<Target, Unavailable> {
        let group = format!("{service}/{shard}");
        let open = |handle: &ReplicaHandle| handle.is_open().then(|| Arc::clone(&handle.group));
        let nth = match self.with_handle(&group, open).flatten() {
            Some(group) if nth == 0 => return Ok(Target::Local(group)),
            Some(_) => nth - 1,
            None => nth,
        };
        let remote = self.cluster.get().and_then(|cluster| {
            let view = cluster.view();
            let mut others =
                view.location(&group)?.replicas.iter().filter(|node| ***node != *cluster.name).cloned();
            others.nth(nth)
        });
        remote.map(Target::Remote).ok_or_else(|| self.missing(service))
    }

    fn on_node(&self, service: &str, shard: u16, node: &str) -> Result<Target, Unavailable> {
        let Some(cluster) = self.cluster.get() else { return Err(self.missing(service)) };
        if node == &*cluster.name {
            return self.local(service, shard).map(Target::Local);
        }
        if cluster.view().is_live(node) {
            Ok(Target::Remote(node.into()))
        } else {
            Err(Unavailable::new(Why::NoLeader))
        }
    }

    fn is_only_replica(&self, service: &str, shard: u16) -> bool {
        let Some(cluster) = self.cluster.get() else { return true };
        let group = format!("{service}/{shard}");
        cluster.view().replicas(&group).all(|(node, _, replica)| {
            node == &*cluster.name && replica.members().all(|(_, member)| member == &*cluster.name)
        })
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let (mut routes, mut status) = (self.route_changes.subscribe(), self.changes.subscribe());
        Box::pin(async move {
            let changed = tokio::select! {
                changed = routes.changed() => changed,
                changed = status.changed() => changed,
            };
            if changed.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn transport(&self) -> Option<Arc<dyn Transport>> {
        self.cluster
            .get()
            .map(|cluster| Arc::<LinkTransport>::clone(&cluster.transport) as Arc<dyn Transport>)
    }
}
