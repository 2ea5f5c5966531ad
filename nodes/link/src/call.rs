//! The caller's side: small calls whole, bulk in parts on a lane of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ractor::rpc::CallResult;

use crate::endpoint::EndpointMessage;
use crate::frame::{Answer, Ask, What, micros, open, seal, tail};
use crate::options::Limits;
use crate::session::Session;

/// How a call travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// At once and whole. What is longer than `small_bytes_max` goes the other way whatever was asked for.
    Small,
    /// In parts, paced, few at a time: it never delays small calls by more than a part or two.
    Bulk,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no session with that node now: nothing was sent.
    #[error("no session with that node")]
    NoSession,
    /// Too many calls are under way, here or there: nothing was done.
    #[error("too many calls are under way")]
    Busy,
    /// No answer in time: it may have been done, or may still be.
    #[error("no answer in time")]
    Timeout,
    /// The session ended meanwhile: it may have been done.
    #[error("the peer was lost")]
    PeerLost,
    /// The peer's handler refuses, or the call is malformed.
    #[error("refused: {0}")]
    Refused(String),
}

static TRANSFERS: AtomicU64 = AtomicU64::new(1);

/// Makes one call over `session`.
pub(crate) async fn call(
    session: &Arc<Session>,
    limits: &Limits,
    lane: Lane,
    topic: &str,
    bytes: Vec<u8>,
    deadline: Instant,
) -> Result<Vec<u8>, LinkError> {
    if bytes.len() > limits.transfer_bytes_max {
        return Err(LinkError::Refused("the call is too long".to_owned()));
    }
    let lane = if bytes.len() > limits.small_bytes_max { Lane::Bulk } else { lane };
    let (permits, part_bytes) = match lane {
        Lane::Small => (&session.calls, limits.small_bytes_max),
        Lane::Bulk => (&session.bulk_calls, limits.part_bytes),
    };
    let _permit = permits.try_acquire().map_err(|_| LinkError::Busy)?;
    let topic = topic.to_owned();
    let asked = u32::try_from(part_bytes).unwrap_or(u32::MAX);
    let (answer, first) = if bytes.len() <= part_bytes {
        if lane == Lane::Bulk {
            paced(session, limits, bytes.len(), deadline).await?;
        }
        let what = What::Call { topic, left_micros: left(deadline)?, part_bytes: asked };
        exchange(session, what, &bytes, deadline).await?
    } else {
        let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed);
        send_parts(session, limits, transfer, &bytes, deadline).await?;
        drop(bytes);
        let what = What::Run { transfer, topic, left_micros: left(deadline)?, part_bytes: asked };
        exchange(session, what, &[], deadline).await?
    };
    match answer {
        Answer::Whole => Ok(first),
        Answer::First { transfer, total } => fetch(session, limits, transfer, total, first, deadline).await,
        other => Err(failure(other)),
    }
}

async fn send_parts(
    session: &Session,
    limits: &Limits,
    transfer: u64,
    bytes: &[u8],
    deadline: Instant,
) -> Result<(), LinkError> {
    let total = bytes.len() as u64;
    for (index, part) in bytes.chunks(limits.part_bytes).enumerate() {
        let _turn = in_turn(session, deadline).await?;
        paced(session, limits, part.len(), deadline).await?;
        let offset = (index * limits.part_bytes) as u64;
        let what = What::Part { transfer, total, offset, left_micros: left(deadline)? };
        match exchange(session, what, part, deadline).await? {
            (Answer::Taken, _) => {}
            (other, _) => return Err(failure(other)),
        }
    }
    Ok(())
}

async fn fetch(
    session: &Session,
    limits: &Limits,
    transfer: u64,
    total: u64,
    first: Vec<u8>,
    deadline: Instant,
) -> Result<Vec<u8>, LinkError> {
    let too_long = || LinkError::Refused("the answer is too long".to_owned());
    let total = usize::try_from(total)
        .ok()
        .filter(|total| *total <= limits.transfer_bytes_max)
        .ok_or_else(too_long)?;
    let mut whole = first;
    while whole.len() < total {
        let _turn = in_turn(session, deadline).await?;
        paced(session, limits, limits.part_bytes.min(total - whole.len()), deadline).await?;
        let part_bytes = u32::try_from(limits.part_bytes).unwrap_or(u32::MAX);
        let what = What::More { transfer, offset: whole.len() as u64, part_bytes };
        match exchange(session, what, &[], deadline).await? {
            (Answer::Part, part) if !part.is_empty() && whole.len() + part.len() <= total => {
                whole.extend_from_slice(&part);
            }
            (Answer::Part, _) => return Err(LinkError::Refused("the answer does not add up".to_owned())),
            (other, _) => return Err(failure(other)),
        }
    }
    Ok(whole)
}

/// Sends one frame and waits for its answer: until the deadline, or the session's end.
pub(crate) async fn exchange(
    session: &Session,
    what: What,
    bytes: &[u8],
    deadline: Instant,
) -> Result<(Answer, Vec<u8>), LinkError> {
    let endpoint = session.endpoint().ok_or(LinkError::NoSession)?;
    let frame = seal(&Ask { token: session.agreed.present, what }, bytes);
    let left = deadline.saturating_duration_since(Instant::now());
    let answered = tokio::select! {
        biased;
        () = session.gone() => return Err(LinkError::PeerLost),
        answered = endpoint.call(|reply| EndpointMessage::Frame(frame, reply), Some(left)) => answered,
    };
    match answered {
        Ok(CallResult::Success(frame)) => match open::<Answer>(&frame) {
            Some((answer, from)) => Ok((answer, tail(frame, from))),
            None => Err(LinkError::Refused("no answer of this program".to_owned())),
        },
        Ok(CallResult::Timeout) => Err(LinkError::Timeout),
        // A timeout on the other side can look like this, too.
        Ok(CallResult::SenderError) if Instant::now() >= deadline => Err(LinkError::Timeout),
        Ok(CallResult::SenderError) | Err(_) => Err(LinkError::PeerLost),
    }
}

fn failure(answer: Answer) -> LinkError {
    match answer {
        Answer::Refused(why) => LinkError::Refused(why),
        Answer::Busy => LinkError::Busy,
        Answer::Expired => LinkError::Timeout,
        Answer::Unknown => LinkError::PeerLost,
        Answer::Pong | Answer::Whole | Answer::First { .. } | Answer::Taken | Answer::Part => {
            LinkError::Refused("an answer to another question".to_owned())
        }
    }
}

/// What is left until the deadline: travels with every frame, and shrinks on its way.
fn left(deadline: Instant) -> Result<u64, LinkError> {
    let left = micros(deadline.saturating_duration_since(Instant::now()));
    if left == 0 { Err(LinkError::Timeout) } else { Ok(left) }
}

async fn in_turn(
    session: &Session,
    deadline: Instant,
) -> Result<tokio::sync::SemaphorePermit<'_>, LinkError> {
    let turn = tokio::time::timeout_at(deadline.into(), session.parts.acquire()).await;
    turn.map_err(|_| LinkError::Timeout)?.map_err(|_| LinkError::PeerLost)
}

async fn paced(session: &Session, limits: &Limits, bytes: usize, deadline: Instant) -> Result<(), LinkError> {
    let start = session.slot(bytes, limits.bulk_bytes_per_second);
    if start > deadline {
        return Err(LinkError::Timeout);
    }
    tokio::time::sleep_until(start.into()).await;
    Ok(())
}
