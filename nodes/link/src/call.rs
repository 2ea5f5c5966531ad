//! Client side of calls: interactive calls are sent whole, bulk calls in parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ractor::rpc::CallResult;

use crate::frame::{Operation, Request, Response, decode, encode, micros, tail};
use crate::message::EndpointMessage;
use crate::options::Limits;
use crate::session::Session;

/// Priority class of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrafficClass {
    /// Sent at once, in one frame. Calls longer than `small_bytes_max` are sent as bulk.
    Interactive,
    /// Sent in parts, rate-limited, a few in flight at a time. Delays interactive calls by a few parts at most.
    Bulk,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no session with the node. Nothing was sent.
    #[error("no session with the node")]
    NoSession,
    /// Too many calls are in flight, on this node or on the peer. Nothing was executed.
    #[error("too many calls in flight")]
    Busy,
    /// No response before the deadline. The call may have been executed, or may still be.
    #[error("the call timed out")]
    Timeout,
    /// The session ended during the call. The call may have been executed.
    #[error("the session with the peer ended")]
    PeerLost,
    /// The peer's handler refused the call, or the call is malformed.
    #[error("refused: {0}")]
    Refused(String),
}

static TRANSFERS: AtomicU64 = AtomicU64::new(1);

/// Executes one call over `session`.
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
    let part_bytes_max = u32::try_from(part_bytes).unwrap_or(u32::MAX);
    let (response, first) = if bytes.len() <= part_bytes {
        if class == TrafficClass::Bulk {
            wait_for_rate_limit(session, limits, bytes.len(), deadline).await?;
        }
        let operation =
            Operation::Call { topic, left_micros: remaining_micros(deadline)?, part_bytes: part_bytes_max };
        exchange(session, operation, &bytes, deadline).await?
    } else {
        let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed);
        send_parts(session, limits, transfer, &bytes, deadline).await?;
        drop(bytes);
        let operation = Operation::Execute {
            transfer,
            topic,
            left_micros: remaining_micros(deadline)?,
            part_bytes: part_bytes_max,
        };
        exchange(session, operation, &[], deadline).await?
    };
    match response {
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
        let _permit = acquire_part_permit(session, deadline).await?;
        wait_for_rate_limit(session, limits, part.len(), deadline).await?;
        let offset = (index * limits.part_bytes) as u64;
        let operation = Operation::Part { transfer, total, offset, left_micros: remaining_micros(deadline)? };
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
    let too_long = || LinkError::Refused("the response is too long".to_owned());
    let total = usize::try_from(total)
        .ok()
        .filter(|total| *total <= limits.transfer_bytes_max)
        .ok_or_else(too_long)?;
    let mut response = first;
    while response.len() < total {
        let _permit = acquire_part_permit(session, deadline).await?;
        wait_for_rate_limit(session, limits, limits.part_bytes.min(total - response.len()), deadline).await?;
        let part_bytes = u32::try_from(limits.part_bytes).unwrap_or(u32::MAX);
        let operation = Operation::FetchPart { transfer, offset: response.len() as u64, part_bytes };
        match exchange(session, operation, &[], deadline).await? {
            (Response::Part, part) if !part.is_empty() && response.len() + part.len() <= total => {
                response.extend_from_slice(&part);
            }
            (Response::Part, _) => {
                return Err(LinkError::Refused(
                    "the parts of the response do not match its length".to_owned(),
                ));
            }
            (other, _) => return Err(failure(other)),
        }
    }
    Ok(response)
}

/// Sends one frame and waits for the response, until the deadline or the end of the session.
pub(crate) async fn exchange(
    session: &Session,
    operation: Operation,
    bytes: &[u8],
    deadline: Instant,
) -> Result<(Response, Vec<u8>), LinkError> {
    let endpoint = session.endpoint().ok_or(LinkError::NoSession)?;
    let frame = encode(&Request { token: session.negotiated.peer_token, operation }, bytes);
    let left = deadline.saturating_duration_since(Instant::now());
    let result = tokio::select! {
        biased;
        () = session.ended() => return Err(LinkError::PeerLost),
        result = endpoint.call(|reply| EndpointMessage::Frame(frame, reply), Some(left)) => result,
    };
    match result {
        Ok(CallResult::Success(frame)) => match decode::<Response>(&frame) {
            Some((response, from)) => Ok((response, tail(frame, from))),
            None => Err(LinkError::Refused("the response cannot be decoded".to_owned())),
        },
        Ok(CallResult::Timeout) => Err(LinkError::Timeout),
        // A timeout on the peer is also reported as `SenderError`.
        Ok(CallResult::SenderError) if Instant::now() >= deadline => Err(LinkError::Timeout),
        Ok(CallResult::SenderError) | Err(_) => Err(LinkError::PeerLost),
    }
}

fn failure(response: Response) -> LinkError {
    match response {
        Response::Refused(why) => LinkError::Refused(why),
        Response::Busy => LinkError::Busy,
        Response::Expired => LinkError::Timeout,
        Response::Unknown => LinkError::PeerLost,
        Response::Pong
        | Response::Complete
        | Response::FirstPart { .. }
        | Response::Accepted
        | Response::Part => LinkError::Refused("unexpected response type".to_owned()),
    }
}

/// Microseconds until the deadline. Sent with every frame.
fn remaining_micros(deadline: Instant) -> Result<u64, LinkError> {
    let left = micros(deadline.saturating_duration_since(Instant::now()));
    if left == 0 { Err(LinkError::Timeout) } else { Ok(left) }
}

async fn acquire_part_permit(
    session: &Session,
    deadline: Instant,
) -> Result<tokio::sync::SemaphorePermit<'_>, LinkError> {
    let acquired = tokio::time::timeout_at(deadline.into(), session.parts.acquire()).await;
    acquired.map_err(|_| LinkError::Timeout)?.map_err(|_| LinkError::PeerLost)
}

async fn wait_for_rate_limit(
    session: &Session,
    limits: &Limits,
    bytes: usize,
    deadline: Instant,
) -> Result<(), LinkError> {
    let start = session.reserve_bandwidth(bytes, limits.bulk_bytes_per_second);
    if start > deadline {
        return Err(LinkError::Timeout);
    }
    tokio::time::sleep_until(start.into()).await;
    Ok(())
}
