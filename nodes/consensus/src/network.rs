//! Messages to peers, on top of a [`Network`] that transports bytes.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use protocol::codec;

use crate::outgoing::OutgoingSnapshot;
use crate::shared::Shared;
use crate::snapshot::{Snapshot, SnapshotData};
use crate::types::{Bytes, RaftNode, Types, Vote};
use crate::wire::{Request, Response};

/// Length of a part of a snapshot, in bytes. Fits into one part of the link.
const SNAPSHOT_PART_BYTES: usize = 250 << 10;

/// Transports messages between the replicas of a group.
pub trait Network: Send + Sync + 'static {
    /// Calls [`crate::Replica::handle`] of replica `target` of `group` with `bytes`, on the node that `node` names,
    /// and returns its response. Fails after `timeout`.
    fn call<'a>(
        &'a self,
        target: u64,
        node: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>>;

    /// The same for bulk traffic (parts of snapshots), which must not delay other messages.
    fn bulk<'a>(
        &'a self,
        target: u64,
        node: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        self.call(target, node, group, bytes, timeout)
    }
}

/// Why a call to a peer failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The peer cannot be reached at present. Openraft backs off before it retries.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The message or the response was lost. It may be retried at once.
    #[error("failed: {0}")]
    Failed(String),
    /// The call timed out.
    #[error("the call timed out")]
    Timeout,
}

/// A network without peers, for groups of one voter.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNetwork;

impl Network for NoNetwork {
    fn call<'a>(
        &'a self,
        _target: u64,
        _node: &'a RaftNode,
        _group: &'a str,
        _bytes: Vec<u8>,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(async { Err(NetworkError::Unreachable("this node has no peers".to_owned())) })
    }
}

/// Creates clients for peers.
#[derive(Clone)]
pub(crate) struct PeerFactory {
    pub group: Arc<str>,
    pub network: Arc<dyn Network>,
    pub shared: Arc<Shared>,
    pub snapshot_timeout: Duration,
}

/// Client for one peer.
pub(crate) struct Peer {
    target: u64,
    node: RaftNode,
    peers: PeerFactory,
}

impl RaftNetworkFactory<Types> for PeerFactory {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &RaftNode) -> Peer {
        Peer { target, node: node.clone(), peers: self.clone() }
    }
}

impl Peer {
    async fn call(&self, request: &Request, timeout: Duration) -> Result<Response, RPCError<Types>> {
        let bytes = codec::encode(request);
        let PeerFactory { network, group, .. } = &self.peers;
        let result = match request {
            Request::Append(_) | Request::Vote(_) | Request::PreVote(_) | Request::Transfer(_) => {
                network.call(self.target, &self.node, group, bytes, timeout).await
            }
            Request::Snapshot { .. } => network.bulk(self.target, &self.node, group, bytes, timeout).await,
        };
        let bytes = result.map_err(|error| match error {
            NetworkError::Unreachable(_) => unreachable_peer(error),
            NetworkError::Failed(_) | NetworkError::Timeout => failed(error),
        })?;
        let response: Result<Response, String> = codec::decode(&bytes).map_err(failed)?;
        // A peer with a stopped replica does not recover at once, so openraft should back off.
        response.map_err(unreachable_peer)
    }
}

fn unreachable_peer(why: impl ToString) -> RPCError<Types> {
    RPCError::Unreachable(Unreachable::from_string(why))
}

fn failed(why: impl ToString) -> RPCError<Types> {
    RPCError::Network(openraft::errors::NetworkError::from_string(why))
}

/// The snapshot cannot be read on this node. openraft restarts the transfer with a new snapshot.
fn local_error(error: &std::io::Error) -> StreamingError<Types> {
    StreamingError::Network(openraft::errors::NetworkError::new(error))
}

fn unexpected_response() -> RPCError<Types> {
    failed("unexpected response type")
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        match self.call(&Request::Append(rpc), option.hard_ttl()).await? {
            Response::Append(response) => Ok(response),
            Response::Vote(_) | Response::Transfer(_) | Response::Part | Response::Snapshot(_) => {
                Err(unexpected_response())
            }
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(&Request::Vote(rpc), option.hard_ttl()).await? {
            Response::Vote(response) => Ok(response),
            Response::Append(_) | Response::Transfer(_) | Response::Part | Response::Snapshot(_) => {
                Err(unexpected_response())
            }
        }
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(&Request::PreVote(rpc), option.hard_ttl()).await? {
            Response::Vote(response) => Ok(response),
            Response::Append(_) | Response::Transfer(_) | Response::Part | Response::Snapshot(_) => {
                Err(unexpected_response())
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        match self.call(&Request::Transfer(rpc), option.hard_ttl()).await? {
            Response::Transfer(response) => Ok(response),
            Response::Append(_) | Response::Vote(_) | Response::Part | Response::Snapshot(_) => {
                Err(unexpected_response())
            }
        }
    }

    /// Sends the parts sequentially: each waits for the response to the previous one, so that a slow peer is not
    /// overloaded.
    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let mut cancel = pin!(cancel);
        let transfer: u64 = rand::random();
        let Snapshot { meta, snapshot } = snapshot;
        let index = meta.last_log_id.map_or(0, |last| last.index);
        let _transfer = OutgoingSnapshot::begin(&self.peers.shared.outgoing, self.target, index);
        let mut parts = snapshot.read(SNAPSHOT_PART_BYTES).map_err(|error| local_error(&error))?;
        let mut last = Some(Box::new((vote, meta)));
        let mut number = 0;
        loop {
            let part = parts.recv().await.transpose().map_err(|error| local_error(&error))?;
            // An empty part with the metadata follows the last part.
            let last = if part.is_none() { last.take() } else { None };
            let is_last = last.is_some();
            let bytes = Bytes(part.unwrap_or_default().into());
            let request = Request::Snapshot { transfer, number, bytes, last };
            let response = tokio::select! {
                closed = &mut cancel => return Err(StreamingError::Closed(closed)),
                response = self.call(&request, self.peers.snapshot_timeout) => response?,
            };
            match response {
                Response::Part if !is_last => number += 1,
                Response::Snapshot(response) if is_last => return Ok(response),
                Response::Part
                | Response::Snapshot(_)
                | Response::Append(_)
                | Response::Vote(_)
                | Response::Transfer(_) => {
                    return Err(unexpected_response().into());
                }
            }
        }
    }
}
