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

use crate::frame::{Answer, Ask, What, open, seal, tail};
use crate::identity::Identity;
use crate::kept::Part;
use crate::options::Limits;
use crate::session::Session;
use crate::table::Table;

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
pub(crate) struct Desk {
    pub table: Arc<Table>,
    pub handler: Arc<dyn Handler>,
    pub limits: Limits,
}

/// The actor. It only hands work on: a slow call must not hold up the next.
pub(crate) struct Endpoint;

impl Actor for Endpoint {
    type Msg = EndpointMessage;
    type State = Arc<Desk>;
    type Arguments = Arc<Desk>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        desk: Arc<Desk>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(desk)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: EndpointMessage,
        desk: &mut Arc<Desk>,
    ) -> Result<(), ActorProcessingErr> {
        let EndpointMessage::Frame(frame, reply) = message;
        Arc::clone(desk).receive(frame, reply);
        Ok(())
    }
}

impl Desk {
    fn receive(self: Arc<Self>, frame: Vec<u8>, reply: RpcReplyPort<Vec<u8>>) {
        let say = |reply: RpcReplyPort<Vec<u8>>, answer: &Answer, bytes: &[u8]| {
            // Who asked may have given up.
            let _ = reply.send(seal(answer, bytes));
        };
        let Some((Ask { token, what }, from)) = open::<Ask>(&frame) else {
            return say(reply, &Answer::Refused("no frame of this program".to_owned()), &[]);
        };
        let Some(session) = self.table.bearer(token) else {
            return say(reply, &Answer::Unknown, &[]);
        };
        let kept = || session.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match what {
            What::Ping => say(reply, &Answer::Pong, &[]),
            What::Part { transfer, total, offset, left_micros } => {
                let until = Instant::now() + Duration::from_micros(left_micros);
                let taken = kept().take(transfer, total, offset, &frame[from..], until, &self.limits);
                let answer = match taken {
                    Part::Taken => Answer::Taken,
                    Part::Busy => Answer::Busy,
                    Part::Wrong => Answer::Refused("not a part that can be taken".to_owned()),
                };
                say(reply, &answer, &[]);
            }
            What::More { transfer, offset, part_bytes } => {
                let part = kept().part(transfer, offset, self.part_bytes(part_bytes));
                match part {
                    Some(part) => say(reply, &Answer::Part, &part),
                    None => say(reply, &Answer::Unknown, &[]),
                }
            }
            What::Call { topic, left_micros, part_bytes } => {
                let work = Work { topic, left_micros, part_bytes, bytes: tail(frame, from) };
                self.work(&session, work, reply);
            }
            What::Run { transfer, topic, left_micros, part_bytes } => {
                let whole = kept().whole(transfer);
                match whole {
                    Some(bytes) => self.work(&session, Work { topic, left_micros, part_bytes, bytes }, reply),
                    None => say(reply, &Answer::Unknown, &[]),
                }
            }
        }
    }

    fn part_bytes(&self, asked: u32) -> usize {
        (asked as usize).clamp(1, self.limits.small_bytes_max.max(self.limits.part_bytes))
    }

    fn work(self: &Arc<Self>, session: &Arc<Session>, work: Work, reply: RpcReplyPort<Vec<u8>>) {
        let Ok(permit) = Arc::clone(&session.answering).try_acquire_owned() else {
            let _ = reply.send(seal(&Answer::Busy, &[]));
            return;
        };
        let (desk, session) = (Arc::clone(self), Arc::clone(session));
        tokio::spawn(async move {
            let _permit = permit;
            let deadline = Instant::now() + Duration::from_micros(work.left_micros);
            let part_bytes = desk.part_bytes(work.part_bytes);
            // Once the peer is lost nobody hears the answer; the work may have to be finished all the same.
            let answered = desk.answer(&session.agreed.identity, &work.topic, work.bytes, deadline).await;
            let frame = match answered {
                Ok(bytes) if bytes.len() <= part_bytes => seal(&Answer::Whole, &bytes),
                Ok(bytes) if bytes.len() > desk.limits.transfer_bytes_max => {
                    seal(&Answer::Refused("the answer is too long".to_owned()), &[])
                }
                Ok(bytes) => {
                    let total = bytes.len() as u64;
                    let first = bytes[..part_bytes].to_vec();
                    let mut kept = session.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match kept.keep(bytes, deadline, &desk.limits) {
                        Some(transfer) => seal(&Answer::First { transfer, total }, &first),
                        None => seal(&Answer::Busy, &[]),
                    }
                }
                Err(answer) => seal(&answer, &[]),
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
    ) -> Result<Vec<u8>, Answer> {
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(Answer::Refused("the topic is too long".to_owned()));
        }
        let handled = AssertUnwindSafe(async { self.handler.handle(from, topic, bytes, deadline).await })
            .catch_unwind();
        match tokio::time::timeout_at(deadline.into(), handled).await {
            Ok(Ok(Ok(bytes))) => Ok(bytes),
            Ok(Ok(Err(why))) => Err(Answer::Refused(why)),
            Ok(Err(_)) => Err(Answer::Refused("the handler failed".to_owned())),
            Err(_) => Err(Answer::Expired),
        }
    }
}

struct Work {
    topic: String,
    left_micros: u64,
    part_bytes: u32,
    bytes: Vec<u8>,
}
