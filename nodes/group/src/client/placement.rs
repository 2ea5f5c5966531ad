//! Where groups are, and the way there: what the kernel asks of whoever knows.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use protocol::Contract;

use super::call::{Attempt, Call};
use super::failure::{Failure, Unavailable, Why};

/// A group that is on this node, by its contract's types.
pub trait Port<C: Contract>: Send + Sync {
    /// Has a command applied: once, however often it comes under the id of `attempt` (or the call's own key).
    fn command<'a>(
        &'a self,
        call: &'a Call,
        attempt: Attempt,
        command: &'a C::Command,
    ) -> BoxFuture<'a, Result<C::Reply, Failure<C::Refusal>>>;
    /// Has a query answered; by a replica that only follows where the contract lets it ([`Contract::query_consistency`]).
    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: C::Query,
    ) -> BoxFuture<'a, Result<C::Answer, Failure<C::Refusal>>>;
}

/// Rows of one group's outbox on their way to another group.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Delivery {
    /// The sending group, behind the epoch of its cluster: `1/reservations/0`.
    pub source: String,
    /// No row below this one will come again.
    pub floor: u64,
    /// Row number and encoded command, in order.
    pub rows: Vec<(u64, Vec<u8>)>,
}

/// A group as the outboxes of others see it, whatever its contract.
pub trait Inlet: Send + Sync {
    /// Applies the rows that were not applied before, up to the first that is refused. For each of these, nothing or why
    /// it was refused; those behind them have to come again.
    fn deliver<'a>(
        &'a self,
        call: &'a Call,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>>;
}

/// The way to a replica of a group.
#[derive(Clone)]
pub enum Way {
    /// It is on this node: an `Arc<dyn Port<C>>` inside an `Any`.
    Here(Arc<dyn Any + Send + Sync>),
    /// It is on the node of this name, and [`Placement::wire`] leads there.
    There(Arc<str>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(_) => f.write_str("here"),
            Self::There(node) => write!(f, "on {node}"),
        }
    }
}

/// Calls to other nodes: bytes in, bytes out.
pub trait Wire: Send + Sync {
    /// Asks `node` about `group` (`reservations/3`). What `bytes` are, and the answer, is [`crate::wire`]'s.
    fn call<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, WireError>>;
}

/// Why a call to another node brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The node cannot be reached, or does not have the group: nothing was done.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// Too many calls are under way on the way there: nothing was done.
    #[error("too many calls are under way")]
    Busy,
    /// The node was lost meanwhile: it may have been done.
    #[error("the node was lost")]
    Lost,
    /// No answer in time: it may have been done, or may still be.
    #[error("no answer in time")]
    Timeout,
}

/// Where groups are. The kernel routes by it and leaves to others how it is known.
///
/// The methods with a body are for more nodes than one; as they are, every group's only replica is on this node.
pub trait Placement: Send + Sync + 'static {
    /// How many shards a service has; none when the cluster has no such service.
    fn shards(&self, service: &str) -> Option<u16>;

    /// The port of the group's replica on this node, whether or not it leads: an `Arc<dyn Port<C>>` inside an `Any`.
    ///
    /// # Errors
    /// When there is none now.
    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable>;

    /// The inlet for outboxes of the group's replica on this node.
    ///
    /// # Errors
    /// When there is none now.
    fn inlet(&self, service: &str, shard: u16) -> Result<Arc<dyn Inlet>, Unavailable>;

    /// The way to the group's leader. On the path of every call: one look-up where the leader is here.
    ///
    /// # Errors
    /// [`Why::NoLeader`] while nobody is known to lead; [`Why::NoService`] when there is no such group.
    fn leader(&self, service: &str, shard: u16) -> Result<Way, Unavailable> {
        self.local(service, shard).map(Way::Here)
    }

    /// The way to the `nth` nearest replica, from 0: the one on this node first, then by distance, all that can be
    /// reached and are thought to be in good order. Whoever answers is the judge of how far it is behind.
    ///
    /// # Errors
    /// When there are not so many: [`Why::NoLeader`].
    fn nearby(&self, service: &str, shard: u16, nth: usize) -> Result<Way, Unavailable> {
        if nth == 0 { self.leader(service, shard) } else { Err(Unavailable::new(Why::NoLeader)) }
    }

    /// The way to the group's replica on `node`, which another replica has named as the leader.
    ///
    /// # Errors
    /// When that node cannot be reached.
    fn at(&self, _service: &str, _shard: u16, _node: &str) -> Result<Way, Unavailable> {
        Err(Unavailable::new(Why::NoLeader))
    }

    /// Whether the group has no replica but the one here. What fails there is not better elsewhere.
    fn alone(&self, _service: &str, _shard: u16) -> bool {
        true
    }

    /// Resolves once ways may have changed since this was called (not since it was first polled): a leader, a session
    /// with another node, a replica opened or closed here. Too early does no harm.
    fn changed(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    /// The way to other nodes. There must be one where a [`Way`] leads there.
    fn wire(&self) -> Option<Arc<dyn Wire>> {
        None
    }
}
