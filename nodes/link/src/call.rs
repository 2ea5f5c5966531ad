//! The caller's side: small calls whole, bulk in parts on a lane of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ractor::rpc::CallResult;

use crate::endpoint::EndpointMessage;
use crate::frame::{Operation, Request, Response, decode, encode, micros, tail};
use crate::options::Limits;
use crate::session::Session;

/// How a call travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrafficClass {
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
    class: TrafficClass,
    topic: &str,
    bytes: Vec<u8>,
    deadline: Instant,
) -> Result<Vec<u8>, LinkError> {
    if bytes.len() > limits.transfer_bytes_max {
        return Err(LinkError::Refused("the call is too long".to_owned()));
    }
    let class = if bytes.len() > limits.small_bytes_max { TrafficClass::Bulk } else { class };
    let (permits, part_bytes) = match class {
        TrafficClass::Interactive => (&session.calls, limits.small_bytes_max),
        TrafficClass::Bulk => (&session.bulk_calls, limits.part_bytes),
    };
    let _permit = permits.try_acquire().map_err(|_| LinkError::Busy)?;
    let topic = topic.to_owned();
    let asked = u32::try_from(part_bytes).unwrap_or(u32::MAX);
    let (answer, first) = if bytes.len() <= part_bytes {
        if class == TrafficClass::Bulk {
            paced(session, limits, bytes.len(), deadline).await?;
        }
        let operation = Operation::Call { topic, left_micros: left(deadline)?, part_bytes: asked };
        exchange(session, operation, &bytes, deadline).await?
    } else {
        let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed);
        send_parts(session, limits, transfer, &bytes, deadline).await?;
        drop(bytes);
        let operation =
            Operation::Execute { transfer, topic, left_micros: left(deadline)?, part_bytes: asked };
        exchange(session, operation, &[], deadline).await?
    };
    match answer {
        Response::Complete => Ok(first),
        Response::FirstPart { transfer, total } => {
            fetch(session, limits, transfer, total, first, deadline).await
        }
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
        let operation = Operation::Part { transfer, total, offset, left_micros: left(deadline)? };
        match exchange(session, operation, part, deadline).await? {
            (Response::Accepted, _) => {}
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
        let operation = Operation::FetchPart { transfer, offset: whole.len() as u64, part_bytes };
        match exchange(session, operation, &[], deadline).await? {
            (Response::Part, part) if !part.is_empty() && whole.len() + part.len() <= total => {
                whole.extend_from_slice(&part);
            }
            (Response::Part, _) => return Err(LinkError::Refused("the answer does not add up".to_owned())),
            (other, _) => return Err(failure(other)),
        }
    }
    Ok(whole)
}

/// Sends one frame and waits for its answer: until the deadline, or the session's end.
pub(crate) async fn exchange(
    session: &Session,
    operation: Operation,
    bytes: &[u8],
    deadline: Instant,
) -> Result<(Response, Vec<u8>), LinkError> {
    let endpoint = session.endpoint().ok_or(LinkError::NoSession)?;
    let frame = encode(&Request { token: session.negotiated.peer_token, operation }, bytes);
    let left = deadline.saturating_duration_since(Instant::now());
    let answered = tokio::select! {
        biased;
        () = session.gone() => return Err(LinkError::PeerLost),
        answered = endpoint.call(|reply| EndpointMessage::Frame(frame, reply), Some(left)) => answered,
    };
    match answered {
        Ok(CallResult::Success(frame)) => match decode::<Response>(&frame) {
            Some((answer, from)) => Ok((answer, tail(frame, from))),
            None => Err(LinkError::Refused("no answer of this program".to_owned())),
        },
        Ok(CallResult::Timeout) => Err(LinkError::Timeout),
        // A timeout on the other side can look like this, too.
        Ok(CallResult::SenderError) if Instant::now() >= deadline => Err(LinkError::Timeout),
        Ok(CallResult::SenderError) | Err(_) => Err(LinkError::PeerLost),
    }
}

fn failure(answer: Response) -> LinkError {
    match answer {
        Response::Refused(why) => LinkError::Refused(why),
        Response::Busy => LinkError::Busy,
        Response::Expired => LinkError::Timeout,
        Response::Unknown => LinkError::PeerLost,
        Response::Pong
        | Response::Complete
        | Response::FirstPart { .. }
        | Response::Accepted
        | Response::Part => LinkError::Refused("an answer to another question".to_owned()),
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
