//! Messages between replicas: a format version, then a [`Request`] or a response. Enums are only extended at their
//! end.

use std::sync::Arc;

use openraft::Raft;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use protocol::codec;
use serde::{Deserialize, Serialize};
use store::State;
use tokio::sync::Mutex;

use crate::last_contact::LastContact;
use crate::snapshot::{IncomingSnapshot, Snapshot, SnapshotData};
use crate::state_machine::Applier;
use crate::types::{Bytes, SnapshotMeta, Types, Vote};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Transfer(TransferLeaderRequest<Types>),
    /// A part of a snapshot. The last one contains the vote and the metadata.
    Snapshot {
        transfer: u64,
        number: u64,
        bytes: Bytes,
        last: Option<Box<(Vote, SnapshotMeta)>>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Transfer(TransferLeaderResponse<Types>),
    /// A part of a snapshot that is not the last was stored.
    Part,
    Snapshot(SnapshotResponse<Types>),
}

/// Handles requests from peers.
pub(crate) struct RpcHandler {
    pub raft: Raft<Types, Applier>,
    pub state: Arc<dyn State>,
    pub incoming: Mutex<Option<IncomingSnapshot>>,
    /// Last contact with the leader.
    pub last_contact: Arc<LastContact>,
}

impl RpcHandler {
    /// Handles one message. Every error becomes a response.
    pub(crate) async fn handle(&self, bytes: &[u8]) -> Vec<u8> {
        let response = match codec::decode(bytes) {
            Ok(request) => self.dispatch(request).await,
            Err(error) => Err(format!("malformed Raft message: {error}")),
        };
        codec::encode(&response)
    }

    async fn dispatch(&self, request: Request) -> Result<Response, String> {
        match request {
            Request::Append(rpc) => {
                let response = self.raft.append_entries(rpc).await.map_err(text)?;
                if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
                    self.last_contact.record();
                }
                Ok(Response::Append(response))
            }
            Request::Vote(rpc) => self.raft.vote(rpc).await.map(Response::Vote).map_err(text),
            Request::PreVote(rpc) => self.raft.pre_vote(rpc).await.map(Response::Vote).map_err(text),
            Request::Transfer(rpc) => {
                self.raft.handle_transfer_leader(rpc).await.map(Response::Transfer).map_err(text)
            }
            Request::Snapshot { transfer, number, bytes, last } => {
                let complete = self.receive_part(transfer, number, bytes.0.to_vec(), last.is_some()).await?;
                match (complete, last) {
                    (Some(snapshot), Some(last)) => {
                        let (vote, meta) = *last;
                        let installed =
                            self.raft.install_full_snapshot(vote, Snapshot { meta, snapshot }).await;
                        installed.map(Response::Snapshot).map_err(text)
                    }
                    (None, _) | (_, None) => Ok(Response::Part),
                }
            }
        }
    }

    /// Stores a part of a snapshot. Returns the snapshot after the last part.
    async fn receive_part(
        &self,
        transfer: u64,
        number: u64,
        part: Vec<u8>,
        last: bool,
    ) -> Result<Option<SnapshotData>, String> {
        let mut current = self.incoming.lock().await;
        if number == 0 {
            *current = Some(IncomingSnapshot::new(transfer, Arc::clone(&self.state)));
        }
        let expected =
            current.as_mut().filter(|incoming| incoming.transfer == transfer && incoming.next == number);
        let incoming = expected.ok_or_else(|| "the part of the snapshot is out of order".to_owned())?;
        incoming.add_part(part).await?;
        match current.take_if(|_| last) {
            Some(incoming) => incoming.finish().await.map(Some),
            None => Ok(None),
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
