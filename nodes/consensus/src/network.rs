//! Messages to peers: whoever carries them, carries bytes.

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

use crate::purge::OutgoingSnapshot;
use crate::shared::Shared;
use crate::snapshot::SnapshotData;
use crate::types::{Bytes, RaftNode, Snapshot, Types, Vote};
use crate::wire::{Request, Response};

/// Parts of a snapshot: as much as goes over a link in one piece.
const SNAPSHOT_PART_BYTES: usize = 250 << 10;

/// Carries messages between replicas of a group.
pub trait Network: Send + Sync + 'static {
    /// Hands `bytes` to [`crate::Replica::handle`] of replica `target` of `group`, which `member` says where to find, and
    /// brings back what it answered. Gives up after `timeout`.
    fn call<'a>(
        &'a self,
        target: u64,
        member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>>;

    /// The same for what is long and can wait: parts of snapshots, which must not hold up what is short.
    fn bulk<'a>(
        &'a self,
        target: u64,
        member: &'a RaftNode,
        group: &'a str,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        self.call(target, member, group, bytes, timeout)
    }
}

/// Why a message brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// There is no way there now: wait before trying again.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// It got lost on the way: try again.
    #[error("failed: {0}")]
    Failed(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
}

/// A network with nobody else in it: for groups of one voter.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNetwork;

impl Network for NoNetwork {
    fn call<'a>(
        &'a self,
        _target: u64,
        _member: &'a RaftNode,
        _group: &'a str,
        _bytes: Vec<u8>,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, NetworkError>> {
        Box::pin(async { Err(NetworkError::Unreachable("this node is alone".to_owned())) })
    }
}

/// Makes connections, in openraft's words.
#[derive(Clone)]
pub(crate) struct PeerFactory {
    pub group: Arc<str>,
    pub network: Arc<dyn Network>,
    pub shared: Arc<Shared>,
    pub snapshot_timeout: Duration,
}

/// One peer.
pub(crate) struct Peer {
    target: u64,
    member: RaftNode,
    peers: PeerFactory,
}

impl RaftNetworkFactory<Types> for PeerFactory {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, member: &RaftNode) -> Peer {
        Peer { target, member: member.clone(), peers: self.clone() }
    }
}

impl Peer {
    async fn call(&self, request: &Request, timeout: Duration) -> Result<Response, RPCError<Types>> {
        let bytes = codec::encode(request);
        let PeerFactory { network, group, .. } = &self.peers;
        let answered = match request {
            Request::Append(_) | Request::Vote(_) | Request::PreVote(_) | Request::Transfer(_) => {
                network.call(self.target, &self.member, group, bytes, timeout).await
            }
            Request::Snapshot { .. } => network.bulk(self.target, &self.member, group, bytes, timeout).await,
        };
        let bytes = answered.map_err(|error| match error {
            NetworkError::Unreachable(_) => unreachable_peer(error),
            NetworkError::Failed(_) | NetworkError::Timeout => failed(error),
        })?;
        let answer: Result<Response, String> = codec::decode(&bytes).map_err(failed)?;
        // A peer that is there but stopped will not be better at once.
        answer.map_err(unreachable_peer)
    }
}

fn unreachable_peer(why: impl ToString) -> RPCError<Types> {
    RPCError::Unreachable(Unreachable::from_string(why))
}

fn failed(why: impl ToString) -> RPCError<Types> {
    RPCError::Network(openraft::errors::NetworkError::from_string(why))
}

/// The snapshot could not be read here; the transfer begins anew, with another.
fn lost(error: &std::io::Error) -> StreamingError<Types> {
    StreamingError::Network(openraft::errors::NetworkError::new(error))
}

fn unexpected_response() -> RPCError<Types> {
    failed("an answer to another question")
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        match self.call(&Request::Append(rpc), option.hard_ttl()).await? {
            Response::Append(answer) => Ok(answer),
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
            Response::Vote(answer) => Ok(answer),
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
            Response::Vote(answer) => Ok(answer),
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
            Response::Transfer(answer) => Ok(answer),
            Response::Append(_) | Response::Vote(_) | Response::Part | Response::Snapshot(_) => {
                Err(unexpected_response())
            }
        }
    }

    /// In parts, one after the other: each waits for the answer to the one before, so that a slow peer is not flooded.
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
        let _transfer = OutgoingSnapshot::begin(&self.peers.shared, self.target, index);
        let mut parts = snapshot.read(SNAPSHOT_PART_BYTES).map_err(|error| lost(&error))?;
        let mut last = Some(Box::new((vote, meta)));
        let mut number = 0;
        loop {
            let part = parts.recv().await.transpose().map_err(|error| lost(&error))?;
            // Behind its last part, an empty one says what it was.
            let last = if part.is_none() { last.take() } else { None };
            let ends = last.is_some();
            let bytes = Bytes(part.unwrap_or_default().into());
            let request = Request::Snapshot { transfer, number, bytes, last };
            let answer = tokio::select! {
                closed = &mut cancel => return Err(StreamingError::Closed(closed)),
                answer = self.call(&request, self.peers.snapshot_timeout) => answer?,
            };
            match answer {
                Response::Part if !ends => number += 1,
                Response::Snapshot(answer) if ends => return Ok(answer),
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
