//! What replicas say to each other, as bytes: a version, then one of these. Both only grow at their ends.

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

use crate::snapshot::{IncomingSnapshot, SnapshotData};
use crate::staleness::LastContact;
use crate::state_machine::Applier;
use crate::types::{Bytes, Snapshot, SnapshotMeta, Types, Vote};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Transfer(TransferLeaderRequest<Types>),
    /// A part of a snapshot; the last one says what the whole is.
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
    /// A part of a snapshot that was not the last has arrived.
    Part,
    Snapshot(SnapshotResponse<Types>),
}

/// The receiving end.
pub(crate) struct RpcHandler {
    pub raft: Raft<Types, Applier>,
    pub state: Arc<dyn State>,
    pub incoming: Mutex<Option<IncomingSnapshot>>,
    /// When the leader was heard of.
    pub last_contact: Arc<LastContact>,
}

impl RpcHandler {
    /// Answers one message; whatever is wrong with it is an answer too.
    pub(crate) async fn handle(&self, bytes: &[u8]) -> Vec<u8> {
        let answer = match codec::decode(bytes) {
            Ok(request) => self.answer(request).await,
            Err(unreadable) => Err(format!("a message of consensus: {unreadable}")),
        };
        codec::encode(&answer)
    }

    async fn answer(&self, request: Request) -> Result<Response, String> {
        match request {
            Request::Append(rpc) => {
                let answer = self.raft.append_entries(rpc).await.map_err(text)?;
                if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                    self.last_contact.note();
                }
                Ok(Response::Append(answer))
            }
            Request::Vote(rpc) => self.raft.vote(rpc).await.map(Response::Vote).map_err(text),
            Request::PreVote(rpc) => self.raft.pre_vote(rpc).await.map(Response::Vote).map_err(text),
            Request::Transfer(rpc) => {
                self.raft.handle_transfer_leader(rpc).await.map(Response::Transfer).map_err(text)
            }
            Request::Snapshot { transfer, number, bytes, last } => {
                let whole = self.gather(transfer, number, bytes.0.to_vec(), last.is_some()).await?;
                match (whole, last) {
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

    /// Takes a part; the last one brings the whole.
    async fn gather(
        &self,
        transfer: u64,
        number: u64,
        part: Vec<u8>,
        last: bool,
    ) -> Result<Option<SnapshotData>, String> {
        let mut slot = self.incoming.lock().await;
        if number == 0 {
            *slot = Some(IncomingSnapshot::new(transfer, Arc::clone(&self.state)));
        }
        let expected =
            slot.as_mut().filter(|incoming| incoming.transfer == transfer && incoming.next == number);
        let incoming = expected.ok_or_else(|| "a part of a snapshot out of order".to_owned())?;
        incoming.take(part).await?;
        match slot.take_if(|_| last) {
            Some(incoming) => incoming.end().await.map(Some),
            None => Ok(None),
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
