//! What other nodes ask of this one, by topic.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use link::{Handler, Identity};
use protocol::codec;

use crate::board::Announcement;
use crate::network::{BOARD, CALL, MOMENT, RAFT, TASK, VOID, addressee};
use crate::node::{Hosted, Node};

/// See the module.
struct Reception(Weak<Node>);

impl Node {
    /// Answers what comes over the link that this node is then [connected](Node::connect) with.
    pub fn handler(self: &Arc<Self>) -> Arc<dyn Handler> {
        Arc::new(Reception(Arc::downgrade(self)))
    }
}

impl Handler for Reception {
    fn handle<'a>(
        &'a self,
        from: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let node = self.0.upgrade().ok_or("this node is closed")?;
            if topic.starts_with(RAFT) {
                raft(&node, topic, bytes).await
            } else if let Some(group) = topic.strip_prefix(CALL) {
                call(&node, group, bytes, deadline).await
            } else if topic == BOARD {
                hear(&node, from, &bytes)
            } else if topic == TASK {
                Ok(node.perform_from(from, &bytes).await)
            } else if topic == VOID {
                node.hear_voids(from, &bytes).await
            } else if topic == MOMENT {
                Ok(node.take_step_from(&bytes).await)
            } else {
                Err("no such topic".to_owned())
            }
        })
    }
}

async fn raft(node: &Arc<Node>, topic: &str, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let (group, id) = addressee(topic).ok_or("no address of a replica")?;
    let meant = |hosted: &Hosted| (hosted.id == id).then(|| hosted.ops.consensus());
    let meant = node.with(group, meant).flatten().ok_or("no such replica here")?;
    let consensus = meant.ok_or("the replica is not open")?;
    Ok(consensus.handle(bytes).await)
}

async fn call(node: &Arc<Node>, group: &str, bytes: Vec<u8>, deadline: Instant) -> Result<Vec<u8>, String> {
    let serve =
        node.with(group, |hosted| Arc::clone(&hosted.serve)).ok_or("no replica of this group here")?;
    let serving = AssertUnwindSafe(serve.serve(bytes, deadline.into())).catch_unwind();
    match serving.await {
        Ok(answered) => answered.map_err(|unreadable| unreadable.to_string()),
        // It may have been done before that: an answer that says nothing, and not that nothing was done.
        Err(_) => Ok(Vec::new()),
    }
}

fn hear(node: &Arc<Node>, from: &Identity, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let said: Announcement = codec::decode(bytes).map_err(|unreadable| unreadable.to_string())?;
    if said.node != from.node || said.node_id != from.node_id {
        return Err("a node speaks for itself only".to_owned());
    }
    node.hear(said);
    Ok(Vec::new())
}
