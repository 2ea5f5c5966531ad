//! Where groups are: here, or where the board says.

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use group::{Inlet, Placement, Unavailable, Way, Why, Wire};

use crate::node::{Hosted, Node};

impl Node {
    fn find<T>(&self, service: &str, shard: u16, of: impl FnOnce(&Hosted) -> T) -> Result<T, Unavailable> {
        self.with(&format!("{service}/{shard}"), of).ok_or_else(|| self.missing(service))
    }

    /// Why a group is not here.
    fn missing(&self, service: &str) -> Unavailable {
        let known = self.cluster.get().is_some() && self.shards_of(service).is_some();
        Unavailable::new(if known { Why::NoLeader } else { Why::NoService(service.to_owned()) })
    }

    /// The node that leads a group, as far as is known here.
    pub fn leader_of(&self, group: &str) -> Option<Arc<str>> {
        let cluster = self.cluster.get()?;
        let board = cluster.board();
        let said = board.places(group).and_then(|places| places.leader.clone());
        // A replica here often hears of a new leader before the board does.
        let consensus = self.with(group, |hosted| hosted.ops.consensus()).flatten();
        let heard = consensus.and_then(|consensus| {
            let role = consensus.role();
            let role = role.borrow();
            if role.leader {
                return Some((role.term, Arc::clone(&cluster.name)));
            }
            let node = role.leader_node.as_deref().filter(|node| board.is_live(node))?;
            Some((role.term, node.into()))
        });
        // What this node says of itself is known better: just now.
        let said = said.filter(|(_, node)| **node != *cluster.name);
        match (heard, said) {
            (Some(heard), Some(said)) => Some(if said.0 > heard.0 { said.1 } else { heard.1 }),
            (heard, said) => heard.or(said).map(|(_, node)| node),
        }
    }
}

impl Placement for Node {
    fn shards(&self, service: &str) -> Option<u16> {
        self.shards_of(service)
    }

    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        self.find(service, shard, |hosted| Arc::clone(&hosted.port))
    }

    fn inlet(&self, service: &str, shard: u16) -> Result<Arc<dyn Inlet>, Unavailable> {
        self.find(service, shard, |hosted| Arc::clone(&hosted.inlet))
    }

    fn leader(&self, service: &str, shard: u16) -> Result<Way, Unavailable> {
        let Some(cluster) = self.cluster.get() else { return self.local(service, shard).map(Way::Here) };
        let group = format!("{service}/{shard}");
        let led = |hosted: &Hosted| hosted.ops.leads().then(|| Arc::clone(&hosted.port));
        if let Some(port) = self.with(&group, led).flatten() {
            return Ok(Way::Here(port));
        }
        match self.leader_of(&group) {
            Some(node) if *node != *cluster.name => Ok(Way::There(node)),
            // It has just begun to lead.
            Some(_) => self.local(service, shard).map(Way::Here),
            None => match self.with(&group, |hosted| hosted.ops.quarantined()).flatten() {
                Some(_) => Err(Unavailable::new(Why::Quarantined)),
                None => Err(self.missing(service)),
            },
        }
    }

    fn nearby(&self, service: &str, shard: u16, nth: usize) -> Result<Way, Unavailable> {
        let group = format!("{service}/{shard}");
        let open = |hosted: &Hosted| hosted.ops.is_open().then(|| Arc::clone(&hosted.port));
        let nth = match self.with(&group, open).flatten() {
            Some(port) if nth == 0 => return Ok(Way::Here(port)),
            Some(_) => nth - 1,
            None => nth,
        };
        let there = self.cluster.get().and_then(|cluster| {
            let board = cluster.board();
            let mut others =
                board.places(&group)?.replicas.iter().filter(|node| ***node != *cluster.name).cloned();
            others.nth(nth)
        });
        there.map(Way::There).ok_or_else(|| self.missing(service))
    }

    fn at(&self, service: &str, shard: u16, node: &str) -> Result<Way, Unavailable> {
        let Some(cluster) = self.cluster.get() else { return Err(self.missing(service)) };
        if node == &*cluster.name {
            return self.local(service, shard).map(Way::Here);
        }
        if cluster.board().is_live(node) {
            Ok(Way::There(node.into()))
        } else {
            Err(Unavailable::new(Why::NoLeader))
        }
    }

    fn alone(&self, service: &str, shard: u16) -> bool {
        let Some(cluster) = self.cluster.get() else { return true };
        let group = format!("{service}/{shard}");
        cluster.board().replicas(&group).all(|(node, _, replica)| {
            node == &*cluster.name && replica.members().all(|(_, member)| member == &*cluster.name)
        })
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let (mut ways, mut news) = (self.ways.subscribe(), self.news.subscribe());
        Box::pin(async move {
            let changed = tokio::select! {
                changed = ways.changed() => changed,
                changed = news.changed() => changed,
            };
            if changed.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn wire(&self) -> Option<Arc<dyn Wire>> {
        self.cluster.get().map(|cluster| Arc::<crate::network::Ways>::clone(&cluster.ways) as Arc<dyn Wire>)
    }
}
