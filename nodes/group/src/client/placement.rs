//! Where groups are and how they are reached: what the client requires of the node that it runs on.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use protocol::Contract;

use super::call::{Attempt, Call};
use super::command::EncodedCommand;
use super::failure::{Failure, Unavailable, Why};

/// A group with a replica on this node, by the types of its contract.
pub trait GroupHandle<C: Contract>: Send + Sync {
    /// Has a command applied: once, however often it comes under the id of `attempt` or under the call's key.
    fn command<'a>(
        &'a self,
        call: &'a Call,
        attempt: Attempt,
        command: &'a EncodedCommand<C>,
    ) -> BoxFuture<'a, Result<C::Reply, Failure<C::Refusal>>>;

    /// Has a query answered; also by a follower where the contract allows that ([`Contract::query_consistency`]).
    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: C::Query,
    ) -> BoxFuture<'a, Result<C::Answer, Failure<C::Refusal>>>;
}

/// Rows of one group's outbox that are delivered to another group.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Delivery {
    /// The epoch of the cluster and the sending group: `1/reservations/0`.
    pub source: String,
    /// No row below this one is sent again.
    pub floor: u64,
    /// Row numbers and encoded commands, in order.
    pub rows: Vec<(u64, Vec<u8>)>,
}

/// The inbox of a group with a replica on this node, independent of its contract.
pub trait Inbox: Send + Sync {
    /// Applies the rows that were not applied before, up to the first that is refused. Returns `None` or the reason of the
    /// refusal for each of these; the later rows have to be sent again.
    fn deliver<'a>(
        &'a self,
        call: &'a Call,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>>;
}

/// The replica that a call goes to.
#[derive(Clone)]
pub enum Target {
    /// On this node: an `Arc<dyn GroupHandle<C>>` inside an `Any`.
    Local(Arc<dyn Any + Send + Sync>),
    /// On the node of this name, reached by [`Placement::transport`].
    Remote(Arc<str>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(_) => f.write_str("local"),
            Self::Remote(node) => write!(f, "on {node}"),
        }
    }
}

/// Sends calls to other nodes, as bytes.
pub trait Transport: Send + Sync {
    /// Calls `group` (`reservations/3`) on `node`. [`crate::wire`] defines the bytes of the call and of the response.
    fn call<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>>;
}

/// Why a call to another node has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The node cannot be reached, or does not have the group: nothing was done.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Too many calls to the node are in progress: nothing was done.
    #[error("too many calls in progress")]
    Busy,
    /// The connection was lost: the call may have been executed.
    #[error("the connection was lost")]
    Lost,
    /// No response in time: the call may have been executed, or may still be.
    #[error("no answer in time")]
    Timeout,
}

/// Where groups are.
///
/// The provided methods suit a single node, which has the only replica of each group.
pub trait Placement: Send + Sync + 'static {
    /// The number of shards of a service; `None` when the cluster has no such service.
    fn shards(&self, service: &str) -> Option<u16>;

    /// The group's replica on this node, leader or not: an `Arc<dyn GroupHandle<C>>` inside an `Any`.
    ///
    /// # Errors
    /// When there is none now.
    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable>;

    /// The inbox of the group's replica on this node.
    ///
    /// # Errors
    /// When there is none now.
    fn inbox(&self, service: &str, shard: u16) -> Result<Arc<dyn Inbox>, Unavailable>;

    /// The group's leader. Called for every call: one look-up where the leader is on this node.
    ///
    /// # Errors
    /// [`Why::NoLeader`] while no leader is known; [`Why::NoService`] when there is no such group.
    fn leader(&self, service: &str, shard: u16) -> Result<Target, Unavailable> {
        self.local(service, shard).map(Target::Local)
    }

    /// The `nth` nearest replica, from 0: first the one on this node, then the others by distance, without those that
    /// cannot be reached or have failed. The replica itself checks how far it is behind.
    ///
    /// # Errors
    /// [`Why::NoLeader`] when there are not so many.
    fn nearby(&self, service: &str, shard: u16, nth: usize) -> Result<Target, Unavailable> {
        if nth == 0 { self.leader(service, shard) } else { Err(Unavailable::new(Why::NoLeader)) }
    }

    /// The group's replica on `node`, which another replica has named as the leader.
    ///
    /// # Errors
    /// When that node cannot be reached.
    fn on_node(&self, _service: &str, _shard: u16, _node: &str) -> Result<Target, Unavailable> {
        Err(Unavailable::new(Why::NoLeader))
    }

    /// Whether the group has no other replica than the one on this node: no other replica can do what fails here.
    fn is_only_replica(&self, _service: &str, _shard: u16) -> bool {
        true
    }

    /// Resolves when the result of the other methods may have changed since this call (not since the first poll): a
    /// leader, a connection to another node, a replica opened or closed here. May resolve without a change.
    fn changed(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    /// Sends calls to other nodes. Present wherever a [`Target::Remote`] is returned.
    fn transport(&self) -> Option<Arc<dyn Transport>> {
        None
    }
}
