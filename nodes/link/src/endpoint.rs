//! The remote actor of a node: receives request frames and returns response frames.
//!
//! ractor_cluster does not report which peer sent a message. Each session therefore has a token that is exchanged in
//! the handshake and sent in every frame.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::frame::{Operation, Request, Response, decode, encode, tail};
use crate::identity::Identity;
use crate::message::EndpointMessage;
use crate::options::Limits;
use crate::peers::PeerTable;
use crate::session::Session;
use crate::transfers::PartResult;

/// Maximum length of a topic, in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Handles calls from other nodes.
pub trait Handler: Send + Sync + 'static {
    /// Handles a call on `topic` from node `from`. At `deadline` the future is dropped. An `Err` is returned to the
    /// caller as [`crate::LinkError::Refused`]. Must not block the thread.
    fn handle<'a>(
        &'a self,
        from: &'a Identity,
        topic: &'a str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// Dispatches requests to sessions and to the handler.
pub(crate) struct Dispatcher {
    pub table: Arc<PeerTable>,
    pub handler: Arc<dyn Handler>,
    pub limits: Limits,
}

/// The actor. It spawns a task per call, so that a slow call does not delay the next one.
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
        let respond = |reply: RpcReplyPort<Vec<u8>>, response: &Response, bytes: &[u8]| {
            // The caller may have dropped the reply port.
            let _ = reply.send(encode(response, bytes));
        };
        let Some((Request { token, operation }, from)) = decode::<Request>(&frame) else {
            return respond(reply, &Response::Refused("the frame cannot be decoded".to_owned()), &[]);
        };
        let Some(session) = self.table.session_by_token(token) else {
            return respond(reply, &Response::Unknown, &[]);
        };
        let transfers = || session.transfers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match operation {
            Operation::Ping => respond(reply, &Response::Pong, &[]),
            Operation::Part { transfer, total, offset, left_micros } => {
                let until = Instant::now() + Duration::from_micros(left_micros);
                let stored =
                    transfers().add_part(transfer, total, offset, &frame[from..], until, &self.limits);
                let response = match stored {
                    PartResult::Accepted => Response::Accepted,
                    PartResult::Busy => Response::Busy,
                    PartResult::Invalid => {
                        Response::Refused("the part is out of order or the transfer is too long".to_owned())
                    }
                };
                respond(reply, &response, &[]);
            }
            Operation::FetchPart { transfer, offset, part_bytes } => {
                let part = transfers().fetch_part(transfer, offset, self.part_bytes(part_bytes));
                match part {
                    Some(part) => respond(reply, &Response::Part, &part),
                    None => respond(reply, &Response::Unknown, &[]),
                }
            }
            Operation::Call { topic, left_micros, part_bytes } => {
                let call = Call { topic, left_micros, part_bytes, bytes: tail(frame, from) };
                self.execute(&session, call, reply);
            }
            Operation::Execute { transfer, topic, left_micros, part_bytes } => {
                let call = transfers().take_complete(transfer);
                match call {
                    Some(bytes) => {
                        self.execute(&session, Call { topic, left_micros, part_bytes, bytes }, reply);
                    }
                    None => respond(reply, &Response::Unknown, &[]),
                }
            }
        }
    }

    fn part_bytes(&self, requested: u32) -> usize {
        (requested as usize).clamp(1, self.limits.small_bytes_max.max(self.limits.part_bytes))
    }

    fn execute(self: &Arc<Self>, session: &Arc<Session>, call: Call, reply: RpcReplyPort<Vec<u8>>) {
        let Ok(permit) = Arc::clone(&session.inbound_calls).try_acquire_owned() else {
            let _ = reply.send(encode(&Response::Busy, &[]));
            return;
        };
        let (dispatcher, session) = (Arc::clone(self), Arc::clone(session));
        tokio::spawn(async move {
            let _permit = permit;
            let deadline = Instant::now() + Duration::from_micros(call.left_micros);
            let part_bytes = dispatcher.part_bytes(call.part_bytes);
            // If the peer is lost the response is discarded, but the handler still runs to completion.
            let result =
                dispatcher.handle(&session.negotiated.identity, &call.topic, call.bytes, deadline).await;
            let frame = match result {
                Ok(bytes) if bytes.len() <= part_bytes => encode(&Response::Complete, &bytes),
                Ok(bytes) if bytes.len() > dispatcher.limits.transfer_bytes_max => {
                    encode(&Response::Refused("the response is too long".to_owned()), &[])
                }
                Ok(bytes) => {
                    let total = bytes.len() as u64;
                    let first = bytes[..part_bytes].to_vec();
                    let mut transfers =
                        session.transfers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match transfers.store_response(bytes, deadline, &dispatcher.limits) {
                        Some(transfer) => encode(&Response::FirstPart { transfer, total }, &first),
                        None => encode(&Response::Busy, &[]),
                    }
                }
                Err(response) => encode(&response, &[]),
            };
            let _ = reply.send(frame);
        });
    }

    /// Runs the handler until the deadline at most. A panic in it becomes a refusal.
    pub(crate) async fn handle(
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

struct Call {
    topic: String,
    left_micros: u64,
    part_bytes: u32,
    bytes: Vec<u8>,
}
