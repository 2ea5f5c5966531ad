//! Carries consensus messages and calls to other nodes over the link, and names the topics of all requests between
//! nodes.

use std::time::Duration;

use consensus::{NetworkError, RaftNode};
use futures::future::BoxFuture;
use group::TransportError;
use link::{Link, LinkError, TrafficClass};

/// Consensus messages: `raft/GROUP/ID`. The target's raft id is part of the topic, so that a message never reaches a
/// later replica of the group on the same node.
pub(crate) const RAFT: &str = "raft/";
/// Calls to a group: `call/GROUP`.
pub(crate) const CALL: &str = "call/";
/// [`crate::Task`]s of the directory.
pub(crate) const TASK: &str = "task";
/// [`crate::NodeStatus`] announcements.
pub(crate) const NODE_STATUS: &str = "node-status";
/// The retired replicas stored on a node.
pub(crate) const RETIRED_REPLICAS: &str = "retired-replicas";
/// Steps of a cluster snapshot.
pub(crate) const SNAPSHOT: &str = "cluster-snapshot";

pub(crate) struct LinkTransport(pub Link);

impl LinkTransport {
    async fn send(
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

/// The group and the raft id to which a consensus message is addressed.
pub(crate) fn raft_target(topic: &str) -> Option<(&str, u64)> {
    let (group, id) = topic.strip_prefix(RAFT)?.rsplit_once('/')?;
    Some((group, u64::from_str_radix(id, 16).ok()?))
}

impl consensus::Network for LinkTransport {
    fn call<'a>(
        &'a self,
        target: u64,
        member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(self.send(TrafficClass::Interactive, target, member, group, bytes, timeout))
    }

    fn bulk<'a>(
        &'a self,
        target: u64,
        member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(self.send(TrafficClass::Bulk, target, member, group, bytes, timeout))
    }
}

impl group::Transport for LinkTransport {
    fn call<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            let topic = format!("{CALL}{group}");
            self.0.call(node, TrafficClass::Interactive, &topic, bytes, timeout).await.map_err(|error| {
                match error {
                    LinkError::NoSession | LinkError::Refused(_) => {
                        TransportError::NotSent(error.to_string())
                    }
                    LinkError::Busy => TransportError::Busy,
                    LinkError::PeerLost => TransportError::Lost,
                    LinkError::Timeout => TransportError::Timeout,
                }
            })
        })
    }
}

/// Whether a peer has a session.
pub(crate) fn is_up(peer: &link::Peer) -> bool {
    peer.state == link::PeerState::Up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raft_topic_names_the_group_and_the_replica() {
        let topic = format!("{RAFT}reservations/3/{:x}", 77);
        assert_eq!(raft_target(&topic), Some(("reservations/3", 77)));
        for topic in ["raft/", "raft/7", "raft/till/0/", "raft/till/0/g", "call/till/0"] {
            assert!(raft_target(topic).is_none_or(|(group, _)| !group.contains('/')), "{topic}");
        }
    }
}
