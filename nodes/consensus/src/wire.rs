//! What replicas say to each other, as bytes: a version, then one of these. Both only grow at their ends.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use contract::codec;
use openraft::Raft;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::fresh::Heard;
use crate::machine::Applier;
use crate::shared::blocking;
use crate::snapshot::Spool;
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
pub(crate) enum Answer {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Transfer(TransferLeaderResponse<Types>),
    /// A part of a snapshot that was not the last has arrived.
    Part,
    Snapshot(SnapshotResponse<Types>),
}

/// The receiving end.
pub(crate) struct Receiver {
    pub raft: Raft<Types, Applier>,
    pub spool: Option<PathBuf>,
    pub incoming: Mutex<Option<Incoming>>,
    /// When the leader was heard of.
    pub heard: Arc<Heard>,
}

/// A snapshot that is arriving.
pub(crate) struct Incoming {
    transfer: u64,
    next: u64,
    spool: Spool,
}

impl Receiver {
    /// Answers one message; whatever is wrong with it is an answer too.
    pub(crate) async fn handle(&self, bytes: &[u8]) -> Vec<u8> {
        let answer = match codec::decode(bytes) {
            Ok(request) => self.answer(request).await,
            Err(unreadable) => Err(format!("a message of consensus: {unreadable}")),
        };
        codec::encode(&answer)
    }

    async fn answer(&self, request: Request) -> Result<Answer, String> {
        match request {
            Request::Append(rpc) => {
                let answer = self.raft.append_entries(rpc).await.map_err(text)?;
                if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                    self.heard.note();
                }
                Ok(Answer::Append(answer))
            }
            Request::Vote(rpc) => self.raft.vote(rpc).await.map(Answer::Vote).map_err(text),
            Request::PreVote(rpc) => self.raft.pre_vote(rpc).await.map(Answer::Vote).map_err(text),
            Request::Transfer(rpc) => {
                self.raft.handle_transfer_leader(rpc).await.map(Answer::Transfer).map_err(text)
            }
            Request::Snapshot { transfer, number, bytes, last } => {
                let whole = self.gather(transfer, number, &bytes.0, last.is_some()).await?;
                match (whole, last) {
                    (Some(snapshot), Some(last)) => {
                        let (vote, meta) = *last;
                        let installed =
                            self.raft.install_full_snapshot(vote, Snapshot { meta, snapshot }).await;
                        installed.map(Answer::Snapshot).map_err(text)
                    }
                    (None, _) | (_, None) => Ok(Answer::Part),
                }
            }
        }
    }

    async fn gather(
        &self,
        transfer: u64,
        number: u64,
        bytes: &[u8],
        last: bool,
    ) -> Result<Option<Spool>, String> {
        let mut slot = self.incoming.lock().await;
        if number == 0 {
            let spool = Spool::new(self.spool.as_deref()).map_err(text)?;
            *slot = Some(Incoming { transfer, next: 0, spool });
        }
        let expected =
            slot.as_mut().filter(|incoming| incoming.transfer == transfer && incoming.next == number);
        let incoming = expected.ok_or_else(|| "a part of a snapshot out of order".to_owned())?;
        blocking(|| incoming.spool.write_all(bytes)).map_err(text)?;
        incoming.next += 1;
        Ok(if last { slot.take().map(|incoming| incoming.spool) } else { None })
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
