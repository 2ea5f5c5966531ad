//! The way to other nodes: messages of consensus, and calls, over the link.

use std::sync::Arc;
use std::time::Duration;

use consensus::{NetworkError, RaftNode};
use futures::future::BoxFuture;
use group::WireError;
use link::{Link, LinkError, TrafficClass};

/// Messages between replicas: `raft/GROUP/ID`. The id is the one that is meant: a replica that came after it on the same
/// node, with another disk, must not be taken for it.
pub(crate) const RAFT: &str = "raft/";
/// Calls to a group: `call/GROUP`.
pub(crate) const CALL: &str = "call/";
/// What the directory has a node do.
pub(crate) const TASK: &str = "task";
/// What nodes announce to each other.
pub(crate) const BOARD: &str = "board";
/// Which replicas count no more.
pub(crate) const VOID: &str = "void";
/// Steps of a backup.
pub(crate) const MOMENT: &str = "moment";

/// See the module.
pub(crate) struct Ways(pub Link);

impl Ways {
    async fn carry(
        &self,
        class: TrafficClass,
        target: u64,
        member: &RaftNode,
        group: &str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> Result<Vec<u8>, NetworkError> {
        let topic = format!("{RAFT}{group}/{target:x}");
        self.0.call(&member.node, class, &topic, bytes, timeout).await.map_err(|error| match error {
            LinkError::NoSession | LinkError::Busy | LinkError::Refused(_) => {
                NetworkError::Unreachable(error.to_string())
            }
            LinkError::PeerLost => NetworkError::Failed(error.to_string()),
            LinkError::Timeout => NetworkError::Timeout,
        })
    }
}

/// The group and the raft id that a message of consensus is for.
pub(crate) fn addressee(topic: &str) -> Option<(&str, u64)> {
    let (group, id) = topic.strip_prefix(RAFT)?.rsplit_once('/')?;
    Some((group, u64::from_str_radix(id, 16).ok()?))
}

impl consensus::Network for Ways {
    fn call<'a>(
        &'a self,
        target: u64,
        member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(self.carry(TrafficClass::Interactive, target, member, group, bytes, timeout))
    }

    fn bulk<'a>(
        &'a self,
        target: u64,
        member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(self.carry(TrafficClass::Bulk, target, member, group, bytes, timeout))
    }
}

impl group::Wire for Ways {
    fn call<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, WireError>> {
        Box::pin(async move {
            let topic = format!("{CALL}{group}");
            self.0.call(node, TrafficClass::Interactive, &topic, bytes, timeout).await.map_err(|error| {
                match error {
                    LinkError::NoSession | LinkError::Refused(_) => WireError::NotSent(error.to_string()),
                    LinkError::Busy => WireError::Busy,
                    LinkError::PeerLost => WireError::Lost,
                    LinkError::Timeout => WireError::Timeout,
                }
            })
        })
    }
}

/// Whether a peer is there.
pub(crate) fn is_up(peer: &link::Peer) -> bool {
    peer.state == link::PeerState::Up
}

/// Both kinds of way over one link.
pub(crate) fn over(link: &Link) -> Arc<Ways> {
    Arc::new(Ways(link.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_group_and_the_replica() {
        let topic = format!("{RAFT}reservations/3/{:x}", 77);
        assert_eq!(addressee(&topic), Some(("reservations/3", 77)));
        for topic in ["raft/", "raft/7", "raft/till/0/", "raft/till/0/g", "call/till/0"] {
            assert!(addressee(topic).is_none_or(|(group, _)| !group.contains('/')), "{topic}");
        }
    }
}
