//! The one remotable actor of a node: bytes in, bytes out.
//!
//! ractor_cluster does not say which peer a message came from. So each session has a token that was exchanged in its
//! greeting, and every frame bears it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use ractor_cluster::RactorClusterMessage;

use crate::frame::{Operation, Request, Response, decode, encode, tail};
use crate::identity::Identity;
use crate::options::Limits;
use crate::peers::PeerTable;
use crate::session::Session;
use crate::transfers::PartResult;

/// A topic is a word, not a message.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Answers calls from other nodes.
pub trait Handler: Send + Sync + 'static {
    /// Answers what node `from` asks about `topic`, before `deadline`: then nobody waits any more, and this is dropped.
    /// An `Err` reaches the caller as [`crate::LinkError::Refused`]. Must not block the thread.
    fn handle<'a>(
        &'a self,
        from: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// What the endpoint is sent.
#[derive(RactorClusterMessage)]
pub(crate) enum EndpointMessage {
    /// A frame (see [`crate::frame`]), answered by one.
    #[rpc]
    Frame(Vec<u8>, RpcReplyPort<Vec<u8>>),
}

/// What answering needs.
pub(crate) struct Dispatcher {
    pub table: Arc<PeerTable>,
    pub handler: Arc<dyn Handler>,
    pub limits: Limits,
}

/// The actor. It only hands work on: a slow call must not hold up the next.
pub(crate) struct Endpoint;

impl Actor for Endpoint {
    type Msg = EndpointMessage;
    type State = Arc<Dispatcher>;
    type Arguments = Arc<Dispatcher>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        dispatcher: Arc<Dispatcher>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(dispatcher)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: EndpointMessage,
        dispatcher: &mut Arc<Dispatcher>,
    ) -> Result<(), ActorProcessingErr> {
        let EndpointMessage::Frame(frame, reply) = message;
        Arc::clone(dispatcher).receive(frame, reply);
        Ok(())
    }
}

impl Dispatcher {
    fn receive(self: Arc<Self>, frame: Vec<u8>, reply: RpcReplyPort<Vec<u8>>) {
        let say = |reply: RpcReplyPort<Vec<u8>>, answer: &Response, bytes: &[u8]| {
            // Who asked may have given up.
            let _ = reply.send(encode(answer, bytes));
        };
        let Some((Request { token, operation }, from)) = decode::<Request>(&frame) else {
            return say(reply, &Response::Refused("no frame of this program".to_owned()), &[]);
        };
        let Some(session) = self.table.bearer(token) else {
            return say(reply, &Response::Unknown, &[]);
        };
        let transfers = || session.transfers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match operation {
            Operation::Ping => say(reply, &Response::Pong, &[]),
            Operation::Part { transfer, total, offset, left_micros } => {
                let until = Instant::now() + Duration::from_micros(left_micros);
                let taken = transfers().take(transfer, total, offset, &frame[from..], until, &self.limits);
                let answer = match taken {
                    PartResult::Accepted => Response::Accepted,
                    PartResult::Busy => Response::Busy,
                    PartResult::Invalid => Response::Refused("not a part that can be taken".to_owned()),
                };
                say(reply, &answer, &[]);
            }
            Operation::FetchPart { transfer, offset, part_bytes } => {
                let part = transfers().part(transfer, offset, self.part_bytes(part_bytes));
                match part {
                    Some(part) => say(reply, &Response::Part, &part),
                    None => say(reply, &Response::Unknown, &[]),
                }
            }
            Operation::Call { topic, left_micros, part_bytes } => {
                let work = Work { topic, left_micros, part_bytes, bytes: tail(frame, from) };
                self.work(&session, work, reply);
            }
            Operation::Execute { transfer, topic, left_micros, part_bytes } => {
                let whole = transfers().whole(transfer);
                match whole {
                    Some(bytes) => self.work(&session, Work { topic, left_micros, part_bytes, bytes }, reply),
                    None => say(reply, &Response::Unknown, &[]),
                }
            }
        }
    }

    fn part_bytes(&self, asked: u32) -> usize {
        (asked as usize).clamp(1, self.limits.small_bytes_max.max(self.limits.part_bytes))
    }

    fn work(self: &Arc<Self>, session: &Arc<Session>, work: Work, reply: RpcReplyPort<Vec<u8>>) {
        let Ok(permit) = Arc::clone(&session.inbound_calls).try_acquire_owned() else {
            let _ = reply.send(encode(&Response::Busy, &[]));
            return;
        };
        let (dispatcher, session) = (Arc::clone(self), Arc::clone(session));
        tokio::spawn(async move {
            let _permit = permit;
            let deadline = Instant::now() + Duration::from_micros(work.left_micros);
            let part_bytes = dispatcher.part_bytes(work.part_bytes);
            // Once the peer is lost nobody hears the answer; the work may have to be finished all the same.
            let answered =
                dispatcher.answer(&session.negotiated.identity, &work.topic, work.bytes, deadline).await;
            let frame = match answered {
                Ok(bytes) if bytes.len() <= part_bytes => encode(&Response::Complete, &bytes),
                Ok(bytes) if bytes.len() > dispatcher.limits.transfer_bytes_max => {
                    encode(&Response::Refused("the answer is too long".to_owned()), &[])
                }
                Ok(bytes) => {
                    let total = bytes.len() as u64;
                    let first = bytes[..part_bytes].to_vec();
                    let mut transfers =
                        session.transfers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match transfers.keep(bytes, deadline, &dispatcher.limits) {
                        Some(transfer) => encode(&Response::FirstPart { transfer, total }, &first),
                        None => encode(&Response::Busy, &[]),
                    }
                }
                Err(answer) => encode(&answer, &[]),
            };
            let _ = reply.send(frame);
        });
    }

    /// Runs the handler: not longer than until the deadline, and its panics are its own.
    pub(crate) async fn answer(
        &self,
        from: &Identity,
        topic: &str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Response> {
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(Response::Refused("the topic is too long".to_owned()));
        }
        let handled = AssertUnwindSafe(async { self.handler.handle(from, topic, bytes, deadline).await })
            .catch_unwind();
        match tokio::time::timeout_at(deadline.into(), handled).await {
            Ok(Ok(Ok(bytes))) => Ok(bytes),
            Ok(Ok(Err(why))) => Err(Response::Refused(why)),
            Ok(Err(_)) => Err(Response::Refused("the handler failed".to_owned())),
            Err(_) => Err(Response::Expired),
        }
    }
}

struct Work {
    topic: String,
    left_micros: u64,
    part_bytes: u32,
    bytes: Vec<u8>,
}
