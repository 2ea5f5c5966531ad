//! Serves the requests of other nodes, by topic.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use link::{Handler, Identity};
use protocol::codec;

use crate::cluster::transport::{CALL, NODE_STATUS, RAFT, RETIRED_REPLICAS, SNAPSHOT, TASK, raft_target};
use crate::cluster::view::NodeStatus;
use crate::node::Node;
use crate::supervision::ReplicaHandle;

struct RequestHandler(Weak<Node>);

impl Node {
    /// The handler of the link with which this node is [connected](Node::connect).
    pub fn handler(self: &Arc<Self>) -> Arc<dyn Handler> {
        Arc::new(RequestHandler(Arc::downgrade(self)))
    }
}

impl Handler for RequestHandler {
    fn handle<'a>(
        &'a self,
        from: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let node = self.0.upgrade().ok_or("this node is shut down")?;
            if topic.starts_with(RAFT) {
                raft(&node, topic, bytes).await
            } else if let Some(group) = topic.strip_prefix(CALL) {
                call(&node, group, bytes, deadline).await
            } else if topic == NODE_STATUS {
                node_status(&node, from, &bytes)
            } else if topic == TASK {
                Ok(node.serve_task(from, &bytes).await)
            } else if topic == RETIRED_REPLICAS {
                node.serve_retired(from, &bytes).await
            } else if topic == SNAPSHOT {
                Ok(node.serve_snapshot_step(&bytes).await)
            } else {
                Err("unknown topic".to_owned())
            }
        })
    }
}

async fn raft(node: &Arc<Node>, topic: &str, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let (group, id) = raft_target(topic).ok_or("the topic names no replica")?;
    let target = |handle: &ReplicaHandle| (handle.id == id).then(|| handle.consensus());
    let target = node.with_handle(group, target).flatten().ok_or("the node has no such replica")?;
    let consensus = target.ok_or("the replica is not open")?;
    Ok(consensus.handle(bytes).await)
}

async fn call(node: &Arc<Node>, group: &str, bytes: Vec<u8>, deadline: Instant) -> Result<Vec<u8>, String> {
    let serve = node.with_handle(group, |handle| Arc::clone(&handle.serve));
    let serve = serve.ok_or("the node has no replica of this group")?;
    let serving = AssertUnwindSafe(serve.serve(bytes, deadline.into())).catch_unwind();
    match serving.await {
        Ok(response) => response.map_err(|unreadable| unreadable.to_string()),
        // The call may have been applied before the panic. An error would mean that it was not: the empty response
        // leaves the outcome unknown.
        Err(_) => Ok(Vec::new()),
    }
}

fn node_status(node: &Arc<Node>, from: &Identity, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let status: NodeStatus = codec::decode(bytes).map_err(|unreadable| unreadable.to_string())?;
    if status.node != from.node || status.node_id != from.node_id {
        return Err("the status is another node's".to_owned());
    }
    node.receive_status(status);
    Ok(Vec::new())
}
